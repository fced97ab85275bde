"""Maps names in certificates and Kerberos tickets to names of users, by the rules in a broker's properties.

    ssl.principal.mapping.rules=RULE:^CN=(.*?),OU=Ops.*$/$1/L,DEFAULT
        DEFAULT                        the distinguished name itself
        RULE:PATTERN/REPLACEMENT/[LU]  for names that match completely; L and U change the case

    sasl.kerberos.principal.to.local.rules=RULE:[1:$1@$0](.*@OTHER)s/@.*//,DEFAULT
        DEFAULT                                           the first component, in the default realm only
        RULE:[N:FORMAT](PATTERN)s/FROM/TO/[g]/[LU]        for names of N components; in FORMAT, $0 is the realm

The first rule that applies decides. Patterns and replacements are Java's.

source  SslPrincipalMapper (KIP-371), KerberosShortNamer, KerberosRule, KerberosName
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pykafka_cli.rules.java_text import BadPattern, compile_pattern

_DEFAULT = "DEFAULT"
_CERTIFICATE_RULES = re.compile(
    r"\s*((?P<default>DEFAULT)|RULE:(?P<pattern>(?:\\.|[^\\/])*)/(?P<to>(?:\\.|[^\\/])*)/(?P<case>[LU]?).*?|.*?)"
    r"\s*(?:,\s*|$)"
)
_KERBEROS_RULE = re.compile(
    r"(?P<default>DEFAULT)|RULE:\[(?P<count>\d+):(?P<format>[^\]]*)\](?:\((?P<match>[^)]*)\))?"
    r"(?:s/(?P<pattern>[^/]*)/(?P<to>[^/]*)/(?P<all>g)?)?/?(?P<case>[LU])?"
)
_KERBEROS_NAME = re.compile(r"([^/@]*)(?:/([^/@]*))?@([^/@]*)")
_REFERENCE = re.compile(r"\\(?P<plain>.)|\$(?P<number>\d+)|\$\{(?P<name>\w+)\}|(?P<bad>[$\\])", re.DOTALL)
_FORMAT_REFERENCE = re.compile(r"\$(\d*)")


class BadPrincipalRule(ValueError):
    """A rule is invalid."""


class NoPrincipalRule(Exception):
    """No rule applies to a name, or the result cannot be the name of a user."""


class _Substitution(NamedTuple):
    """How a rule changes a name: `pattern` is replaced by `to`, then the case is changed."""

    pattern: "re.Pattern[str]"
    to: str
    case: str

    def applied(self, name: str, *, times: int = 0) -> str:
        """`name` with at most this many matches replaced, or all."""
        return _cased(self.pattern.sub(lambda found: _expanded(self.to, found), name, count=times), self.case)


class CertificateNames:
    """ssl.principal.mapping.rules.

    raises    BadPrincipalRule
    """

    def __init__(self, rules: str) -> None:
        self._rules: list[_Substitution | None] = []
        for found in _CERTIFICATE_RULES.finditer(rules.strip()):
            if found["default"]:
                self._rules.append(None)
            elif found["pattern"]:
                rule = _Substitution(_compiled(found["pattern"]), found["to"], found["case"])
                _ensure_groups(rule)
                self._rules.append(rule)
            elif found[1]:
                raise BadPrincipalRule(f"Invalid rule: {found[1]}")

    def user(self, distinguished_name: str) -> str:
        """The user of a certificate with this `distinguished_name`, in the form of RFC 2253.

        raises    NoPrincipalRule
        """
        for rule in self._rules:
            if rule is None:
                return distinguished_name
            if rule.pattern.fullmatch(distinguished_name):
                return rule.applied(distinguished_name)
        raise NoPrincipalRule(f"no rule applies to {distinguished_name}")


class _KerberosRule(NamedTuple):
    """One rule other than DEFAULT."""

    components: int
    format: str
    match: "re.Pattern[str] | None"
    substitution: _Substitution | None
    every: bool
    case: str


class KerberosNames:
    """sasl.kerberos.principal.to.local.rules.

    default_realm    the realm in which DEFAULT applies
    raises           BadPrincipalRule
    """

    def __init__(self, rules: Iterable[str], default_realm: str) -> None:
        self._realm = default_realm
        self._rules = [_kerberos_rule(each) for each in rules]

    def user(self, principal: str) -> str:
        """The user of the principal NAME[/HOST]@REALM.

        raises    NoPrincipalRule
        """
        found = _KERBEROS_NAME.fullmatch(principal)
        if found is None:
            if "@" in principal:
                raise NoPrincipalRule(f"{principal} is no name of Kerberos")
            return principal
        service, host, realm = found.groups()
        parts = [realm, service] if host is None else [realm, service, host]
        for rule in self._rules:
            name = self._applied(rule, parts)
            if name is not None:
                return name
        raise NoPrincipalRule(f"no rule applies to {principal}")

    def _applied(self, rule: _KerberosRule | None, parts: Sequence[str]) -> str | None:
        if rule is None:
            return _simple(parts[1]) if parts[0] == self._realm else None
        if len(parts) - 1 != rule.components:
            return None
        name = _FORMAT_REFERENCE.sub(lambda found: parts[int(found[1])], rule.format)
        if rule.match is not None and not rule.match.fullmatch(name):
            return None
        if rule.substitution is not None:
            name = rule.substitution.applied(name, times=0 if rule.every else 1)
        return _cased(_simple(name), rule.case)


def _kerberos_rule(text: str) -> _KerberosRule | None:
    found = _KERBEROS_RULE.fullmatch(text)
    if found is None:
        raise BadPrincipalRule(f"Invalid rule: {text}")
    if found["default"]:
        return None
    count = int(found["count"])
    for reference in _FORMAT_REFERENCE.findall(found["format"]):
        if not reference or int(reference) > count:
            raise BadPrincipalRule(f"Invalid rule: {text}: ${reference} is none of $0 to ${count}")
    substitution = None
    if found["pattern"] is not None:
        substitution = _Substitution(_compiled(found["pattern"]), found["to"], "")
        _ensure_groups(substitution)
    match = None if found["match"] is None else _compiled(found["match"])
    return _KerberosRule(count, found["format"], match, substitution, bool(found["all"]), found["case"] or "")


def _cased(name: str, case: str) -> str:
    return name.lower() if case == "L" else name.upper() if case == "U" else name


def _simple(name: str) -> str:
    if re.search(r"[/@]", name):
        raise NoPrincipalRule(f"the rules make {name} of it, which has a host or a realm")
    return name


def _compiled(pattern: str) -> "re.Pattern[str]":
    try:
        return compile_pattern(pattern)
    except BadPattern as error:
        raise BadPrincipalRule(f"Invalid rule: {pattern}: {error}") from None


def _ensure_groups(rule: _Substitution) -> None:
    """Check that a replacement names only groups of its pattern; Java finds that out once a client connects."""
    for found in _REFERENCE.finditer(rule.to):
        missing = found["name"] is not None and found["name"] not in rule.pattern.groupindex
        if found["bad"] or missing or (found["number"] and not rule.pattern.groups and found["number"][0] != "0"):
            raise BadPrincipalRule(f"Invalid rule: {rule.to} refers to what {rule.pattern.pattern} does not have")


def _expanded(replacement: str, found: "re.Match[str]") -> str:
    """The replacement of one match, by the rules of Java's Matcher.appendReplacement."""

    def value(reference: "re.Match[str]") -> str:
        if reference["plain"]:
            return reference["plain"]
        if reference["name"]:
            return found[reference["name"]] or ""
        digits = reference["number"]
        length = len(digits)
        while length > 1 and int(digits[:length]) > found.re.groups:
            length -= 1
        number = int(digits[:length])
        if number > found.re.groups:
            return reference[0]
        return (found[number] or "") + digits[length:]

    return _REFERENCE.sub(value, replacement)
