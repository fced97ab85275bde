"""Kafka's authorizers in a broker's properties:

    authorizer.class.name=kafka.security.authorizer.AclAuthorizer    in KRaft mode, StandardAuthorizer
    super.users=User:admin;User:CN=broker                            principals that may do everything
    allow.everyone.if.no.acl.found=false                             whether everyone may use resources without ACLs

source  kafka.security.authorizer.AclAuthorizer, org.apache.kafka.metadata.authorizer.StandardAuthorizer
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.acls import NotAPrincipal, parse_principal
from pykafka_cli.properties.keys import BadProperty

CLASS_NAME, SUPER_USERS, ALLOW_EVERYONE = "authorizer.class.name", "super.users", "allow.everyone.if.no.acl.found"
OF_ZOOKEEPER = "kafka.security.authorizer.AclAuthorizer"
OF_KRAFT = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


class Authorization(NamedTuple):
    """The settings of an authorizer."""

    super_users: frozenset[str]
    allows_everyone: bool


def read_authorization(
    originals: Mapping[str, str], lines: Mapping[str, int], *, is_kraft_node: bool
) -> Authorization | None:
    """None without an authorizer.

    lines     line numbers of the properties in their file, by key

    raises    BadProperty for an authorizer that this broker does not have, or cannot configure as requested
    """
    name = originals.get(CLASS_NAME, "").strip()
    if not name:
        return None
    ours = OF_KRAFT if is_kraft_node else OF_ZOOKEEPER
    if name != ours:
        mode = "in KRaft mode" if is_kraft_node else "with ZooKeeper"
        raise BadProperty(
            CLASS_NAME, name, lines.get(CLASS_NAME, 0), f"this broker has no such authorizer; {mode} there is {ours}"
        )
    for key, value in originals.items():
        if key.startswith("authorizer.") and key != CLASS_NAME:
            why = "this broker keeps ACLs in the cluster's own ZooKeeper; remove it"
            raise BadProperty(key, value, lines.get(key, 0), why)
    return Authorization(_super_users(originals, lines), _allows_everyone(originals, lines))


def _super_users(originals: Mapping[str, str], lines: Mapping[str, int]) -> frozenset[str]:
    text = originals.get(SUPER_USERS, "")
    try:
        return frozenset(str(parse_principal(each.strip())) for each in text.split(";") if each.strip())
    except NotAPrincipal as error:
        raise BadProperty(SUPER_USERS, text, lines.get(SUPER_USERS, 0), str(error)) from None


def _allows_everyone(originals: Mapping[str, str], lines: Mapping[str, int]) -> bool:
    text = originals.get(ALLOW_EVERYONE, "false").strip()
    if text.lower() not in ("true", "false"):
        raise BadProperty(ALLOW_EVERYONE, text, lines.get(ALLOW_EVERYONE, 0), "must be true or false")
    return text.lower() == "true"
