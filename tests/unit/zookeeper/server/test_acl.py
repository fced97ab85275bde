import contextlib

import pytest

from pykafka_cli.zookeeper.protocol.errors import InvalidAcl, NoAuth
from pykafka_cli.zookeeper.protocol.records import ANYONE, OPEN_ACL, READ_ACL, Acl, Id, Perms
from pykafka_cli.zookeeper.server.acl import (
    SUPER,
    allows,
    check,
    fix_up,
    hide_digests,
    shared,
    user_name,
)

LOCAL = Id("ip", "127.0.0.1")
ALICE = Id("digest", "alice:JYdjG/dL2+v79QyuS8/0gpT+rQQ=")


def test_world_may_do_what_its_entry_says_and_no_more() -> None:
    check(READ_ACL, Perms.READ, [LOCAL], "/a")

    with pytest.raises(NoAuth, match="/a"):
        check(READ_ACL, Perms.WRITE, [LOCAL], "/a")


def test_an_identity_may_do_what_its_entry_says() -> None:
    acl = (Acl(Perms.READ, ANYONE), Acl(Perms.WRITE, ALICE))

    assert allows(acl, Perms.WRITE, [LOCAL, ALICE])
    assert not allows(acl, Perms.WRITE, [LOCAL])
    assert not allows(acl, Perms.ADMIN, [LOCAL, ALICE])


def test_one_of_several_permissions_is_enough() -> None:
    assert allows((Acl(Perms.ADMIN, ANYONE),), Perms.READ | Perms.ADMIN, [LOCAL])


def test_the_super_user_may_do_everything() -> None:
    assert allows((Acl(0, ALICE),), Perms.ADMIN, [LOCAL, SUPER])


def test_an_empty_acl_keeps_nobody_out() -> None:
    check((), Perms.ADMIN, [LOCAL], "/a")


@pytest.mark.parametrize(
    ("granted", "address", "matches"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
        ("10.1.2.3/8", "10.200.0.1", True),
        ("10.0.0.0/24", "10.0.1.0", False),
        ("0.0.0.0/0", "192.168.0.1", True),
        ("10.1.2.3", "::1", False),
    ],
)
def test_an_address_matches_its_network(granted: str, address: str, matches: bool) -> None:
    assert allows((Acl(Perms.READ, Id("ip", granted)),), Perms.READ, [Id("ip", address)]) == matches


def test_auth_becomes_the_identities_of_the_setter_but_not_its_address() -> None:
    fixed = fix_up([Acl(Perms.READ, Id("auth", ""))], [LOCAL, ALICE], "/a")

    assert fixed == (Acl(Perms.READ, ALICE),)


def test_repeated_entries_are_stored_once() -> None:
    assert fix_up([*OPEN_ACL, *OPEN_ACL], [LOCAL], "/a") == OPEN_ACL


@pytest.mark.parametrize(
    ("why", "acl"),
    [
        ("empty", []),
        ("auth without authentication", [Acl(31, Id("auth", ""))]),
        ("an unknown scheme", [Acl(31, Id("sasl", "kafka"))]),
        ("no scheme", [Acl(31, Id(None, None))]),
        ("another world", [Acl(31, Id("world", "nobody"))]),
        ("a digest without name", [Acl(31, Id("digest", "hash"))]),
        ("a digest with three parts", [Acl(31, Id("digest", "a:b:c"))]),
        ("no address", [Acl(31, Id("ip", "localhost"))]),
        ("a network of too many bits", [Acl(31, Id("ip", "10.0.0.0/33"))]),
        ("a network with a mask", [Acl(31, Id("ip", "10.0.0.0/255.0.0.0"))]),
    ],
)
def test_an_acl_that_names_nobody_is_rejected(why: str, acl: list[Acl]) -> None:
    with pytest.raises(InvalidAcl, match="/a"):
        fix_up(acl, [LOCAL], "/a")


@pytest.mark.parametrize(
    ("granted", "valid"),
    [
        (Id("sasl", "kafka"), True),
        (Id("sasl", "kafka/host@EXAMPLE.COM"), True),
        (Id("sasl", "kafka@a@b"), False),
        (Id("x509", "CN=kafka,O=Example"), True),
        (Id("x509", "kafka"), False),
    ],
)
def test_an_acl_may_name_the_schemes_of_the_server(granted: Id, valid: bool) -> None:
    with contextlib.nullcontext() if valid else pytest.raises(InvalidAcl):
        assert fix_up([Acl(31, granted)], [LOCAL], "/a", {"sasl", "x509"}) == (Acl(31, granted),)


def test_auth_also_becomes_the_user_of_a_login_and_the_subject_of_a_certificate() -> None:
    proven = [Id("sasl", "kafka"), Id("x509", "CN=kafka")]

    fixed = fix_up([Acl(31, Id("auth", ""))], [LOCAL, *proven, SUPER], "/a")

    assert [each.id for each in fixed] == proven


def test_the_sasl_user_super_is_allowed_what_any_sasl_user_is() -> None:
    acl = (Acl(31, Id("sasl", "kafka")), Acl(Perms.READ, ALICE))

    assert allows(acl, Perms.WRITE, [Id("sasl", "super")])
    assert not allows(acl, Perms.WRITE, [Id("sasl", "alice")])
    assert not allows((Acl(31, ALICE),), Perms.WRITE, [Id("sasl", "super")])


def test_who_may_only_read_sees_no_hashes() -> None:
    assert hide_digests((Acl(31, ALICE), *OPEN_ACL)) == (Acl(31, Id("digest", "alice:x")), *OPEN_ACL)


def test_a_user_is_named_without_the_hash() -> None:
    assert [user_name(who) for who in (ALICE, LOCAL)] == ["alice", "127.0.0.1"]


def test_equal_acls_are_one_object() -> None:
    one, other = (Acl(1, Id("ip", "10.0.0.1")),), (Acl(1, Id("ip", "10.0.0.1")),)

    assert one is not other
    assert shared(one) is shared(other)
    assert shared((Acl(31, Id("world", "anyone")),)) is OPEN_ACL
