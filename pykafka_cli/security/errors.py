"""What a client's properties about TLS and SASL can be rejected with."""


class BadClientSetting(Exception):
    """A property file that cannot be read, or a value that cannot be used."""
