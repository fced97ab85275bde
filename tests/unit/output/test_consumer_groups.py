"""Tables of kafka-consumer-groups.sh where the recorded ones do not go: wide names, no rows, static members."""

from pykafka_cli.model import (
    Broker,
    BrokerId,
    GroupDescription,
    GroupLag,
    GroupListing,
    MemberDescription,
    Offset,
    TopicPartition,
)
from pykafka_cli.output import consumer_groups as text

T0 = TopicPartition("t", 0)
READ = (T0, TopicPartition("a", 1), TopicPartition("t", 2))
MEMBER = MemberDescription("consumer-1", None, "consumer", "/127.0.0.1", READ)
GROUP = GroupDescription("g", "Stable", "range", Broker(BrokerId(0), "localhost", 9092, None), (MEMBER,))


def lines(table: str) -> list[str]:
    assert not table or table.startswith("\n")
    return table[1:].splitlines()


def test_a_plain_list_is_names() -> None:
    assert not text.listing([], types=False, states=False)
    assert text.listing([GroupListing("b", "Classic", "Empty")], types=False, states=False) == "b\n"


def test_a_list_with_types_and_states_is_a_table() -> None:
    table = text.listing([GroupListing("g", "Classic", "Empty")], types=True, states=True)

    assert table == (
        f"{'GROUP':<25} {'TYPE':<20} {'STATE':<20}\n"
        f"{'g':<25} {'Classic':<20} {'Empty':<20}\n"
    )  # fmt: skip


def test_columns_grow_with_what_is_in_them() -> None:
    long = "a-topic-with-quite-a-long-name"
    header, row = lines(text.offsets([GroupLag("g", TopicPartition(long, 0), Offset(1), Offset(3), MEMBER)]))

    assert row.split() == ["g", long, "0", "1", "3", "2", "consumer-1", "/127.0.0.1", "consumer"]
    assert header.index("PARTITION") == row.index(long) + len(long) + 1


def test_what_is_not_known_is_a_dash() -> None:
    (_, row) = lines(text.offsets([GroupLag("g", T0, None, None, None)]))

    assert row.split() == ["g", "t", "0", "-", "-", "-", "-", "-", "-"]


def test_without_rows_there_is_no_table() -> None:
    assert not text.offsets([])
    assert not text.members(GROUP._replace(members=()), verbose=True)


def test_members_show_an_instance_id_only_if_some_have_one() -> None:
    plain = lines(text.members(GROUP, verbose=False))
    static = lines(text.members(GROUP._replace(members=(MEMBER._replace(instance_id="i"),)), verbose=False))

    assert "GROUP-INSTANCE-ID" not in plain[0]
    assert plain[1].split() == ["g", "consumer-1", "/127.0.0.1", "consumer", "3"]
    assert static[1].split() == ["g", "consumer-1", "i", "/127.0.0.1", "consumer", "3"]


def test_assignments_are_sorted_and_by_topic() -> None:
    (header, row) = lines(text.members(GROUP, verbose=True))

    assert header.endswith("ASSIGNMENT")
    assert row.endswith(" a(1), t(0,2)")
    assert text.assignment([]) == "-"


def test_a_state_names_the_coordinator() -> None:
    (_, row) = lines(text.state(GROUP))

    assert row.split() == ["g", "localhost:9092", "(0)", "range", "Stable", "1"]


def test_a_plan_without_offsets_is_a_header() -> None:
    assert not text.reset_plan({})
    assert text.reset_plan({"g": {}}) == f"\n{'GROUP':<30} {'TOPIC':<30} {'PARTITION':<10} {'NEW-OFFSET':<15}"
    assert text.reset_plan({"g": {T0: 5}}).splitlines()[2].split() == ["g", "t", "0", "5"]


def test_deleted_offsets_say_how_each_went() -> None:
    rows = lines(text.deleted_offsets([("t", 0, None), ("u", None, "No such topic.")]))

    assert rows[1].split() == ["t", "0", "Successful"]
    assert "Not Provided" in rows[2]
    assert "Error: No such topic." in rows[2]


def test_deleted_groups_are_named_with_what_failed() -> None:
    assert text.deleted_groups({"a": None, "b": None}) == (
        "Deletion of requested consumer groups ('a', 'b') was successful.\n"
    )
    assert text.deleted_groups({}) == "Deletion of requested consumer groups ('') was successful.\n"
    assert text.deleted_groups({"a": None, "b": "it is not empty"}) == (
        "\nError: Deletion of some consumer groups failed:\n"
        "* Group 'b' could not be deleted due to: it is not empty\n"
        "\nThese consumer groups were deleted successfully: 'a'\n"
    )
