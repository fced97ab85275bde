"""A client's properties about TLS and SASL."""

from collections.abc import Mapping

from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting


def security_settings(properties: Mapping[str, str]) -> SecuritySettings:
    """raises    BadClientSetting"""
    try:
        return SecuritySettings(properties)
    except ConfigError as error:
        raise BadClientSetting(str(error)) from None
