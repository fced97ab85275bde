"""What a client's properties about TLS and SASL can be rejected with."""


class BadClientSetting(Exception):
    """A property file cannot be read, or a value is invalid."""
