"""Tables of kafka-consumer-groups.sh: wide names, no rows and static members, which no recorded output has, and those
of 4.3.1 as it printed them."""

from pykafka_cli.model import (
    Broker,
    BrokerId,
    GroupDescription,
    GroupLag,
    GroupListing,
    LeaderEpoch,
    MemberDescription,
    Offset,
    TopicPartition,
)
from pykafka_cli.output import consumer_groups as text
from pykafka_cli.output import group_views

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


# ---- Kafka 4

MEMBER_ID = "MSYG6n5fRCm0xHSbg5yEww"
PARTITIONS = (TopicPartition("ta", 0), TopicPartition("ta", 1), TopicPartition("tb", 0))
BROKER = Broker(BrokerId(1), "127.0.0.1", 9092, None)
NEW = MemberDescription(MEMBER_ID, None, "new", "/127.0.0.1", PARTITIONS, 4, PARTITIONS[:1])
OLD = MemberDescription("consumer-1", "static-one", "old", "/127.0.0.1", PARTITIONS)


def described(*members: MemberDescription, epoch: int | None) -> GroupDescription:
    return GroupDescription("g", "Stable", "uniform", BROKER, members, epoch, epoch)


def test_epochs_and_target_follow_with_verbose() -> None:
    assert text.members_of_4(described(NEW, epoch=4), verbose=True) == (
        "\n"
        "GROUP           CONSUMER-ID            HOST            CLIENT-ID       #PARTITIONS     CURRENT-EPOCH   "
        "CURRENT-ASSIGNMENT   TARGET-EPOCH    TARGET-ASSIGNMENT   \n"
        f"g               {MEMBER_ID} /127.0.0.1      new             3               4               "
        "ta:0,1;tb:0          4               ta:0                \n"
    )


def test_a_member_of_the_classic_protocol_has_no_epochs() -> None:
    header, row = text.members_of_4(described(OLD, epoch=None), verbose=True).splitlines()[1:]

    assert "GROUP-INSTANCE-ID" in header
    assert row.split() == ["g", "consumer-1", "static-one", "/127.0.0.1", "old", "3", "-", "ta:0,1;tb:0", "-", "-"]


def test_a_group_without_members_has_a_header() -> None:
    assert text.members_of_4(described(epoch=3), verbose=False) == (
        "\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n"
    )


def test_the_leader_epoch_has_a_column_with_verbose() -> None:
    rows = [
        GroupLag("g", PARTITIONS[0], Offset(3), Offset(5), NEW, LeaderEpoch(7)),
        GroupLag("g", PARTITIONS[1], None, None, None),
    ]

    assert text.offsets_of_4(rows, verbose=True) == (
        "\n"
        "GROUP           TOPIC           PARTITION  LEADER-EPOCH    CURRENT-OFFSET  LOG-END-OFFSET  LAG             "
        "CONSUMER-ID            HOST            CLIENT-ID\n"
        f"g               ta              0          7               3               5               2               "
        f"{MEMBER_ID} /127.0.0.1      new\n"
        "g               ta              1          -               -               -               -               "
        "-                      -               -\n"
    )


def test_the_state_shows_both_epochs_with_verbose() -> None:
    assert text.state_of_4(described(NEW, epoch=4), verbose=True) == (
        "\n"
        "GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                GROUP-EPOCH     "
        "TARGET-ASSIGNMENT-EPOCH   #MEMBERS\n"
        "g               127.0.0.1:9092  (1)       uniform              Stable               4               "
        "4                         1\n"
    )


def test_a_plan_of_kafka_4_without_offsets_is_its_header() -> None:
    assert group_views.reset_plan({"g": {}}) == "\nGROUP           TOPIC           PARTITION  NEW-OFFSET\n"


def test_deleted_offsets_of_kafka_4_say_what_could_not_be_looked_up() -> None:
    assert text.deleted_offsets_of_4([("nosuch", None, "gone"), ("ta", 0, None)]) == (
        "\n"
        "TOPIC           PARTITION  STATUS         \n"
        "nosuch          -          Error: gone    \n"
        "ta              0          Successful     \n"
    )
