"""Names of users out of names of certificates and principals. Cases from Kafka's SslPrincipalMapperTest and
KerberosNameTest are among them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.principal_names import BadPrincipalRule, CertificateNames, KerberosNames, NoPrincipalRule

RULES = (
    r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L, "
    r"RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U, RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U, DEFAULT"
)


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("CN=Duke,OU=ServiceUsers,O=Org,C=US", "duke"),
        ("CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US", "duke@sme"),
        ("cn=duke,ou=sme,dc=mycp,dc=com", "DUKE@SME"),
        ("cN=duke,OU=JavaSoft,O=Sun Microsystems", "DUKE"),
        ("OU=JavaSoft,O=Sun Microsystems,C=US", "OU=JavaSoft,O=Sun Microsystems,C=US"),
    ],
)
def test_the_first_rule_that_fits_names_the_user_of_a_certificate(name: str, user: str) -> None:
    assert CertificateNames(RULES).user(name) == user


@pytest.mark.parametrize(
    ("rule", "user"),
    [
        (r"RULE:^CN=(.*?),.*$/\$1 $2/", "$1 $2"),
        (r"RULE:^CN=(?<who>.*?),.*$/${who}/", "a"),
        (r"RULE:^CN=(.*?),.*$/$12/", "a2"),
        (r"RULE:^CN=(.*?),.*$/x\/$1/U", "X/A"),
        ("", None),
        ("RULE:^nobody$/x/", None),
    ],
)
def test_replacements_are_javas(rule: str, user: str | None) -> None:
    names = CertificateNames(rule)
    if user is None:
        with pytest.raises(NoPrincipalRule):
            names.user("CN=a,O=b")
    else:
        assert names.user("CN=a,O=b") == user


@pytest.mark.parametrize(
    "rule", ["DEFAULT,nothing", "RULE:(/$1/", "RULE:^a$", "RULE:^CN=.*$/$1/", "RULE:^CN=(.*)$/${who}/", "RULE:a/$/"]
)
def test_a_rule_that_cannot_apply_is_rejected(rule: str) -> None:
    with pytest.raises(BadPrincipalRule, match="Invalid rule: "):
        CertificateNames(rule)


KERBEROS = ("RULE:[1:$1](App\\..*)s/App\\.(.*)/$1/g", "RULE:[2:$1](App\\..*)s/App\\.(.*)/$1/g/L", "DEFAULT")


@pytest.mark.parametrize(
    ("principal", "user"),
    [
        ("App.service-name@REALM.COM", "service-name"),
        ("App.Service-Name/example.com@REALM.COM", "service-name"),
        ("user@REALM.COM", "user"),
        ("user/host@REALM.COM", "user"),
        ("simple", "simple"),
        ("user@ELSEWHERE", None),
        ("a/b/c@REALM.COM", None),
        ("@@", None),
    ],
)
def test_the_first_rule_that_fits_names_the_user_of_a_principal(principal: str, user: str | None) -> None:
    names = KerberosNames(KERBEROS, "REALM.COM")
    if user is None:
        with pytest.raises(NoPrincipalRule):
            names.user(principal)
    else:
        assert names.user(principal) == user


def test_what_still_has_a_realm_is_no_user() -> None:
    with pytest.raises(NoPrincipalRule, match="which has a host or a realm"):
        KerberosNames(["RULE:[1:$1@$0]"], "R").user("a@R")


@pytest.mark.parametrize("rule", ["RULE:[1:$2]", "RULE:[1]", "default", "RULE:[1:$1](*)", "RULE:[1:$1]s/a/$1/"])
def test_a_rule_of_kerberos_that_cannot_apply_is_rejected(rule: str) -> None:
    with pytest.raises(BadPrincipalRule, match="Invalid rule: "):
        KerberosNames([rule], "R")


@given(st.text(alphabet="RULE:DFAT/$1{}\\(),.*?+[]^@ aL", max_size=40), st.text(max_size=30))
def test_any_rule_is_rejected_or_names_users(rule: str, name: str) -> None:
    for make in (CertificateNames, lambda text: KerberosNames([text], "R")):
        try:
            user = make(rule).user(name)
        except (BadPrincipalRule, NoPrincipalRule):
            continue
        assert isinstance(user, str)


@given(st.from_regex(re.compile(r"[^/@]*(/[^/@]*)?@[^/@]*", re.ASCII), fullmatch=True))
def test_no_name_of_kerberos_makes_a_user_with_a_host_or_realm(name: str) -> None:
    try:
        user = KerberosNames(KERBEROS, "REALM.COM").user(name)
    except NoPrincipalRule:
        return
    assert not set(user) & set("/@")
