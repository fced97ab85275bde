"""Errors in a client's properties about TLS and SASL."""


class BadClientSetting(Exception):
    """A property file cannot be read, or a value is invalid."""
