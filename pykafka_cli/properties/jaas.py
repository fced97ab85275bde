"""Logins in the syntax of Java's JAAS, in properties and files.

    sasl.jaas.config=com.example.LoginModule required name="value" name=value;

    KAFKA_OPTS=-Djava.security.auth.login.config=/etc/kafka/jaas.conf
    KafkaClient { com.example.LoginModule required name="value" name=value; };

source  JaasConfig, JaasContext, java.io.StreamTokenizer
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pykafka_cli.properties import system_properties
from pykafka_cli.properties.keys import ConfigError

_OPTIONS = frozenset({
    "username", "password", "tokenauth", "clientId", "clientSecret", "scope", "useKeyTab", "useTicketCache", "keyTab",
    "storeKey", "principal", "serviceName", "ticketCache", "refreshKrb5Config", "debug",
})  # fmt: skip
"""Names that errors may show wherever they stand."""
_HIDDEN = "[hidden]"
_FLAGS = ("REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL")
_TOKEN = re.compile(
    r"""\s+ | //[^\r\n]* | /\*.*?\*/
    | "(?P<double>(?:[^"\\\r\n]|\\.)*)" | '(?P<single>(?:[^'\\\r\n]|\\.)*)'
    | (?P<word>[\w.$\-]+)
    | (?P<sign>[={};])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\([0-3][0-7]{0,2}|[4-7][0-7]?|.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class BadLogin(ValueError):
    """An invalid login; the text is Java's if Java has one."""


class Login(NamedTuple):
    """A login module, by its class, and its options."""

    module: str
    options: Mapping[str, str]

    @property
    def name(self) -> str:
        """The class without its package."""
        return self.module.rpartition(".")[2]


class _Token(NamedTuple):
    text: str
    is_sign: bool


def read_logins(text: str) -> list[Login]:
    """The logins in a property.

    raises    BadLogin
    """
    return _logins(_tokens(text), None)


def login_file() -> str | None:
    """The file that KAFKA_OPTS names for Java.

    raises    BadLogin if KAFKA_OPTS cannot be parsed
    """
    try:
        found = system_properties.given().get(system_properties.LOGIN_FILE)
    except ConfigError as error:
        raise BadLogin(str(error)) from None
    return found.removeprefix("=") if found else None  # to Java, == means only this file


def read_login_file(file: str) -> dict[str, list[Login]]:
    """The logins in a file, by the names of their entries.

    raises    BadLogin
    """
    try:
        return _entries(_tokens(Path(file).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise BadLogin(f"{file}: {getattr(error, 'strerror', None) or error}") from None


def _entries(tokens: Iterator[_Token]) -> dict[str, list[Login]]:
    """NAME { login; ... };"""
    entries: dict[str, list[Login]] = {}
    for name in tokens:
        _expect("{", tokens)
        entries[name.text] = _logins(tokens, "}")
        _expect(";", tokens)
    return entries


def _logins(tokens: Iterator[_Token], end: str | None) -> list[Login]:
    """MODULE FLAG NAME=VALUE ... ;"""
    logins: list[Login] = []
    for module in tokens:
        if module.is_sign and module.text == end:
            return logins
        flag = next(tokens, None)
        if flag is None or flag.is_sign:
            raise BadLogin("Login module control flag is not available in the JAAS config")
        if flag.text.upper() not in _FLAGS:
            # It may be the rest of a password, or all of it.
            raise BadLogin(f"Invalid login module control flag '{_HIDDEN}' in JAAS config")
        logins.append(Login(module.text, _options(tokens)))
    return logins


def _options(tokens: Iterator[_Token]) -> dict[str, str]:
    options: dict[str, str] = {}
    for name in tokens:
        if name == (";", True):
            return options
        equals, value = next(tokens, None), next(tokens, None)
        if equals != ("=", True) or value is None or value.is_sign:
            # Behind a value, and unless it is an option's name, it may be the rest of a password that is not quoted.
            shown = name.text if not options or name.text in _OPTIONS else _HIDDEN
            raise BadLogin(f"Value not specified for key '{shown}' in JAAS config")
        options[name.text] = value.text
    raise BadLogin("JAAS config entry not terminated by semi-colon")


def _expect(sign: str, tokens: Iterator[_Token]) -> None:
    if next(tokens, None) != (sign, True):
        raise BadLogin(f"JAAS configuration: {sign} expected")


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            shown = text[position].replace("\n", "\\n")
            raise BadLogin(f"JAAS config: {shown} is unexpected; quote values that contain special characters")
        position = found.end()
        if found.lastgroup == "sign":
            yield _Token(found["sign"], is_sign=True)
        elif found.lastgroup == "word":
            yield _Token(found["word"], is_sign=False)
        elif found.lastgroup:
            yield _Token(_ESCAPE.sub(_unescaped, found[found.lastgroup]), is_sign=False)


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape, 8)) if escape[0] in "01234567" else _ESCAPED.get(escape, escape)
