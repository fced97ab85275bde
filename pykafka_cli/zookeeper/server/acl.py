"""Access control: what a client may do, which ACLs it may set. Who it is: authentication.py. Pure.

Schemes: `world` (everybody), `auth` (the client that sets the ACL, replaced by its identities), `digest` (name and
password, stored as name:base64(sha1(name:password))), `ip` (an IPv4 address or network), `sasl` (the user of a login),
`x509` (the subject of a certificate). An identity with scheme `super` may do everything. An ACL is a list of
permissions; nothing is inherited from the parent. Source:
org.apache.zookeeper.server.{PrepRequestProcessor.fixupACL, ZooKeeperServer.checkACL}, .auth.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from pykafka_cli.zookeeper.protocol.errors import InvalidAcl, NoAuth
from pykafka_cli.zookeeper.protocol.records import ANYONE, OPEN_ACL, Acl, Id, Perms

SUPER = Id("super", "")
ALWAYS_THERE = frozenset(("digest", "ip"))
"""The schemes of a server whose settings name no others."""
_SUPER_OF_SASL = Id("sasl", "super")
"""Whom every ACL of the scheme sasl allows."""
_AUTHENTICATED = frozenset(("digest", "sasl", "x509"))
"""Schemes whose identities stand for `auth`: to come from an address proves nothing."""
_PRINCIPAL = re.compile(r"[^@]*|[^/@]*(/[^/@]*)?@[^/@]*")


def check(acl: Sequence[Acl], permission: Perms, identities: Collection[Id], path: str) -> None:
    """Raise NoAuth unless `acl` gives one of `identities` (one of) the `permission`. An empty ACL allows everything."""
    if acl is OPEN_ACL or not acl or allows(acl, permission, identities):
        return
    raise NoAuth(f"{permission!r} on {path} is not allowed for {', '.join(f'{i.scheme}:{i.id}' for i in identities)}")


def allows(acl: Sequence[Acl], permission: Perms, identities: Collection[Id]) -> bool:
    """Whether `acl` gives one of `identities` (one of) the `permission`."""
    if any(identity.scheme == "super" for identity in identities):
        return True
    wanted = permission.value
    return any(
        perms & wanted and (granted == ANYONE or any(_matches(identity, granted) for identity in identities))
        for perms, granted in acl
    )


def fix_up(
    acl: Iterable[Acl], identities: Collection[Id], path: str, schemes: Collection[str] = ALWAYS_THERE
) -> tuple[Acl, ...]:
    """The stored form of `acl`: without repetitions, `auth` replaced by the setter's identities.

    schemes   those of this server
    raises    InvalidAcl if it is empty, has an unknown scheme or a malformed id, or `auth` from a client that has not
              authenticated
    """
    fixed: list[Acl] = []
    for entry in dict.fromkeys(acl):
        granted = entry.id
        if granted == ANYONE:
            fixed.append(entry)
        elif granted.scheme == "auth":
            authenticated = [identity for identity in identities if identity.scheme in _AUTHENTICATED]
            if not authenticated:
                raise InvalidAcl(f"the ACL of {path} contains `auth`, but its setter has not authenticated")
            fixed += [Acl(entry.perms, identity) for identity in authenticated]
        elif granted.scheme in schemes and _is_valid(granted):
            fixed.append(entry)
        else:
            raise InvalidAcl(f"the ACL of {path} names {granted.scheme}:{granted.id}, which matches nobody")
    if not fixed:
        raise InvalidAcl(f"the ACL of {path} is empty")
    return shared(tuple(fixed))


def shared(acl: tuple[Acl, ...]) -> tuple[Acl, ...]:
    """A shared copy of an equal ACL, so that ten thousand znodes with one ACL need the memory of one."""
    return OPEN_ACL if acl == OPEN_ACL else _remembered(acl)


@lru_cache(maxsize=1024)
def _remembered(acl: tuple[Acl, ...]) -> tuple[Acl, ...]:
    return acl


def hide_digests(acl: Iterable[Acl]) -> tuple[Acl, ...]:
    """`acl` for clients that may read a znode but not administer it: hashes are replaced by x."""
    return tuple(
        Acl(perms, Id(granted.scheme, f"{(granted.id or '').split(':', 1)[0]}:x"))
        if granted.scheme == "digest"
        else Acl(perms, granted)
        for perms, granted in acl
    )


def user_name(identity: Id) -> str:
    """An identity in whoAmI: a name without the hash, or an address."""
    if identity.scheme == "digest":
        return (identity.id or "").split(":", 1)[0]
    return identity.id or ""


def _is_valid(granted: Id) -> bool:
    if granted.id is None:
        return False
    match granted.scheme:
        case "digest":
            _, _, digest = granted.id.partition(":")
            return bool(digest) and ":" not in digest
        case "ip":
            return _network(granted.id) is not None
        case "sasl":
            return _PRINCIPAL.fullmatch(granted.id) is not None
        case "x509":
            from pykafka_cli.tls.names import is_name  # cryptography is large, and most servers need none of it

            return is_name(granted.id)
    return False


def _matches(identity: Id, granted: Id) -> bool:
    if identity.scheme != granted.scheme:
        return False
    if identity.scheme != "ip":
        return identity.id == granted.id or identity == _SUPER_OF_SASL
    network = _network(granted.id or "")
    if network is None:
        return False
    try:
        return IPv4Address(identity.id or "") in network
    except AddressValueError:
        return False  # a client over IPv6: ZooKeeper's ip scheme has no form for it


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | None:
    """`10.1.2.3` or `10.0.0.0/8`; None if it is neither."""
    _, slash, bits = text.partition("/")
    if slash and not (bits.isascii() and bits.isdigit()):
        return None  # IPv4Network would also accept a netmask
    try:
        return IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError):
        return None
