"""The arguments of kafka-configs."""

import pytest

from pykafka_cli.rules.config_arguments import (
    BadConfigArgument,
    Credential,
    Entity,
    ensure_entities,
    ensure_ip_configs,
    ensure_keys,
    ensure_names,
    ensure_no_secret_is_lost,
    ensure_present,
    ensure_user_or_client_configs,
    pair_entities,
    parse_added,
    parse_credential,
    parse_deleted,
    parse_quota,
    without_secrets,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("cleanup.policy=[compact,delete],b=2", {"cleanup.policy": "compact,delete", "b": "2"}),
        ("SCRAM-SHA-256=[iterations=8192,password=a=b]", {"SCRAM-SHA-256": "iterations=8192,password=a=b"}),
        ("a=", {"a": ""}),
        (" a = 1 ", {"a": "1"}),
    ],
)
def test_settings_are_split_outside_of_brackets(text: str, expected: dict[str, str]) -> None:
    assert parse_added(text) == expected


@pytest.mark.parametrize("text", ["", "a", "a=1=2", "a=1,b"])
def test_a_setting_is_one_name_and_one_value(text: str) -> None:
    with pytest.raises(BadConfigArgument, match='must be in the format "key=val"'):
        parse_added(text)


def test_a_secret_of_a_broker_is_given_again_or_deleted() -> None:
    ensure_no_secret_is_lost({"a": "1", "secret": None}, ["secret"], [])
    ensure_no_secret_is_lost({"a": "1", "secret": None}, [], ["secret"])

    with pytest.raises(BadConfigArgument, match=r"missing entries: Set\(secret\)"):
        ensure_no_secret_is_lost({"a": "1", "secret": None}, ["a"], [])


def test_names_to_delete_are_split_and_collected() -> None:
    assert parse_deleted(["a,b", " c"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ([], "At least one entity type must be specified"),
        (["topics", "topics"], "Duplicate entity type(s) specified: topics"),
        (["topics", "users"], "Only 'users' and 'clients' entity types may be specified together"),
        (
            ["planets"],
            (
                "Invalid entity type planets, the entity type must be one of topics, clients, users, brokers, ips, "
                "broker-loggers, client-metrics with a --bootstrap-server or --bootstrap-controller argument"
            ),
        ),
    ],
)
def test_types_that_do_not_go_together_are_rejected(types: list[str], message: str) -> None:
    with pytest.raises(BadConfigArgument) as refusal:
        ensure_entities(types, has_brokers=True)

    assert str(refusal.value) == message


def test_without_a_broker_few_types_are_left() -> None:
    with pytest.raises(BadConfigArgument, match="must be one of users, brokers with a --zookeeper argument"):
        ensure_entities(["topics"], has_brokers=False)


NAMED = "must be specified with --alter of users, clients, brokers or ips"


@pytest.mark.parametrize(
    ("types", "names", "is_alter", "message"),
    [
        (["brokers"], ["x"], True, "The entity name for brokers must be a valid integer broker id, but it is: x"),
        (["topics"], [], True, "an entity name must be specified with --alter of topics"),
        (["users"], [], True, f"an entity-name or default entity {NAMED}"),
        (["broker-loggers"], [], False, "an entity name must be specified with --describe of broker-loggers"),
    ],
)  # fmt: skip
def test_names_that_are_missing_or_wrong_are_rejected(
    types: list[str], names: list[str], is_alter: bool, message: str
) -> None:
    with pytest.raises(BadConfigArgument) as refusal:
        ensure_names(types, names, is_alter=is_alter)

    assert str(refusal.value) == message


def test_types_are_paired_with_names_in_order() -> None:
    assert pair_entities(["users", "clients"], ["u", ""], is_alter=True) == [
        Entity("users", "u"),
        Entity("clients", ""),
    ]
    assert pair_entities(["users", "clients"], ["u"], is_alter=False) == [Entity("users", "u"), Entity("clients", None)]
    with pytest.raises(BadConfigArgument, match="An entity name must be specified for every entity type"):
        pair_entities(["users", "clients"], ["u"], is_alter=True)


USER, CLIENT, OTHERS = Entity("users", "u"), Entity("clients", "c"), Entity("users", "")
SCRAM, RATE = "SCRAM-SHA-256", "producer_byte_rate"


@pytest.mark.parametrize(
    ("entities", "added", "deleted", "message"),
    [
        ([USER], ["x"], [], "Only quota and SCRAM credential configs can be added for 'users' BY. NAMES: Set(x)"),
        (
            [USER],
            [],
            ["x"],
            "Only quota and SCRAM credential configs can be deleted for 'users' BY. NAMES: ArrayBuffer(x)",
        ),
        ([CLIENT], [SCRAM], [], f"Only quota configs can be added for 'clients' BY. NAMES: Set({SCRAM})"),
        ([USER, CLIENT], [], ["x"], "Only quota configs can be deleted for 'clients' BY. NAMES: ArrayBuffer(x)"),
        (
            [USER],
            [SCRAM, RATE],
            [],
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' BY.",
        ),
        (
            [OTHERS],
            [SCRAM],
            [],
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials BY.",
        ),
    ],
)  # fmt: skip
def test_limits_and_credentials_are_kept_apart(
    entities: list[Entity], added: list[str], deleted: list[str], message: str
) -> None:
    with pytest.raises(BadConfigArgument) as refusal:
        ensure_user_or_client_configs(entities, dict.fromkeys(added, ""), deleted)

    told = message.replace("BY", "using --bootstrap-server").replace("NAMES", "Unexpected config names")
    assert str(refusal.value) == told


def test_addresses_have_one_limit() -> None:
    ensure_ip_configs(["connection_creation_rate"])
    with pytest.raises(BadConfigArgument, match="Unexpected config names: producer_byte_rate"):
        ensure_ip_configs(["producer_byte_rate"])


def test_only_what_is_set_can_be_deleted() -> None:
    ensure_present(["a"], ["a", "b"])
    with pytest.raises(BadConfigArgument, match=r"Invalid config\(s\): x,y"):
        ensure_present(["x", "a", "y"], ["a"])


def test_a_key_has_letters_digits_dots_dashes_and_underscores() -> None:
    ensure_keys(["a.b_c-1"])
    with pytest.raises(BadConfigArgument, match="Invalid character found for config key: a b"):
        ensure_keys(["a b"])


def test_credentials_have_a_password_and_maybe_iterations() -> None:
    assert parse_credential("SCRAM-SHA-256", "iterations=8192,password=a,b") == Credential(8192, "a,b")
    assert parse_credential("SCRAM-SHA-256", "password=p") == Credential(4096, "p")
    assert parse_credential("SCRAM-SHA-256", "iterations=-1,password=p") == Credential(4096, "p")
    with pytest.raises(BadConfigArgument, match="Invalid credential property SCRAM_SHA_256=x"):
        parse_credential("SCRAM-SHA-256", "x")
    with pytest.raises(
        BadConfigArgument, match="Iterations 1 is less than the minimum 4096 required for SCRAM-SHA-256"
    ):
        parse_credential("SCRAM-SHA-256", "iterations=1,password=x")


@pytest.mark.parametrize("text", ["password=", "iterations=8192,password="])
def test_an_empty_password_is_rejected(text: str) -> None:
    """It is what remains of `password=$PASSWORD` when the variable is not set."""
    with pytest.raises(BadConfigArgument, match="Password must not be empty"):
        parse_credential("SCRAM-SHA-512", text)


def test_a_password_whose_name_is_misspelled_is_not_shown() -> None:
    with pytest.raises(BadConfigArgument) as rejected:
        parse_credential("SCRAM-SHA-256", "passwrd=a-secret\nof-lines")

    assert str(rejected.value) == "Invalid credential property SCRAM_SHA_256=passwrd=[hidden]"


def test_limits_are_numbers() -> None:
    assert parse_quota("producer_byte_rate", "1024") == 1024.0
    with pytest.raises(BadConfigArgument, match="Cannot parse quota configuration value for producer_byte_rate: 1_0"):
        parse_quota("producer_byte_rate", "1_0")


def test_errors_repeat_no_password() -> None:
    words = ["--add-config", "SCRAM-SHA-256=[iterations=8192,password=a,b]", "--alter", "retention.ms=1"]

    assert without_secrets(words) == "--add-config SCRAM-SHA-256=[hidden] --alter retention.ms=1"
    for misspelled in ("ssl.keystore.passwd", "ssl.key.pasword", "sasl.jaas.conf"):
        assert without_secrets([f"{misspelled}=x"]) == f"{misspelled}=[hidden]"
    assert without_secrets(["--add-config=sasl.jaas.config=x y"]) == "--add-config=sasl.jaas.config=[hidden]"
    assert without_secrets(["ssl.keystore.location=x,listener.name.a.ssl.key.password=x"]).endswith(
        ".password=[hidden]"
    )
