"""The login of a client: sasl.jaas.config, or the entry KafkaClient in the file that KAFKA_OPTS names.

source  JaasContext
"""

from pykafka_cli.properties.jaas import BadLogin, Login, login_file, read_login_file, read_logins
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting

_ENTRY = "KafkaClient"


def login(settings: SecuritySettings) -> Login:
    """The client's login.

    raises    BadClientSetting
    """
    try:
        if settings.sasl_jaas_config is not None:
            return _only(read_logins(settings.sasl_jaas_config.value))
        file = login_file()
        if file is None:
            raise BadLogin(
                f"Could not find a '{_ENTRY}' entry in the JAAS configuration; set sasl.jaas.config, or "
                "-Djava.security.auth.login.config in KAFKA_OPTS"
            )
        entries = read_login_file(file)
        if _ENTRY not in entries:
            raise BadLogin(f"Could not find a '{_ENTRY}' entry in the JAAS configuration {file}")
        return _only(entries[_ENTRY])
    except BadLogin as error:
        raise BadClientSetting(str(error)) from None


def required_option(login: Login, name: str) -> str:
    """raises    BadClientSetting"""
    try:
        return login.options[name]
    except KeyError:
        raise BadClientSetting(f"sasl.jaas.config has no {name}") from None


def _only(logins: list[Login]) -> Login:
    if not logins:
        raise BadLogin("Login module not specified in JAAS config")
    if len(logins) > 1:
        raise BadLogin(f"JAAS config property contains {len(logins)} login modules, should be 1 module")
    return logins[0]
