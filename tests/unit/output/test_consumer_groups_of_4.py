"""Tables of kafka-consumer-groups.sh 4.3.1, as it printed them."""

from pykafka_cli.model import (
    Broker,
    BrokerId,
    GroupDescription,
    GroupLag,
    LeaderEpoch,
    MemberDescription,
    Offset,
    TopicPartition,
)
from pykafka_cli.output import consumer_groups_of_4 as text

MEMBER_ID = "MSYG6n5fRCm0xHSbg5yEww"
PARTITIONS = (TopicPartition("ta", 0), TopicPartition("ta", 1), TopicPartition("tb", 0))
BROKER = Broker(BrokerId(1), "127.0.0.1", 9092, None)
NEW = MemberDescription(MEMBER_ID, None, "new", "/127.0.0.1", PARTITIONS, 4, PARTITIONS[:1])
OLD = MemberDescription("consumer-1", "static-one", "old", "/127.0.0.1", PARTITIONS)


def described(*members: MemberDescription, epoch: int | None) -> GroupDescription:
    return GroupDescription("g", "Stable", "uniform", BROKER, members, epoch, epoch)


def test_epochs_and_target_follow_with_verbose() -> None:
    assert text.members(described(NEW, epoch=4), verbose=True) == (
        "\n"
        "GROUP           CONSUMER-ID            HOST            CLIENT-ID       #PARTITIONS     CURRENT-EPOCH   "
        "CURRENT-ASSIGNMENT   TARGET-EPOCH    TARGET-ASSIGNMENT   \n"
        f"g               {MEMBER_ID} /127.0.0.1      new             3               4               "
        "ta:0,1;tb:0          4               ta:0                \n"
    )


def test_a_member_of_the_classic_protocol_has_no_epochs() -> None:
    header, row = text.members(described(OLD, epoch=None), verbose=True).splitlines()[1:]

    assert "GROUP-INSTANCE-ID" in header
    assert row.split() == ["g", "consumer-1", "static-one", "/127.0.0.1", "old", "3", "-", "ta:0,1;tb:0", "-", "-"]


def test_a_group_without_members_has_a_header() -> None:
    assert text.members(described(epoch=3), verbose=False) == (
        "\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n"
    )


def test_the_leader_epoch_has_a_column_with_verbose() -> None:
    rows = [
        GroupLag("g", PARTITIONS[0], Offset(3), Offset(5), NEW, LeaderEpoch(7)),
        GroupLag("g", PARTITIONS[1], None, None, None),
    ]

    assert text.offsets(rows, verbose=True) == (
        "\n"
        "GROUP           TOPIC           PARTITION  LEADER-EPOCH    CURRENT-OFFSET  LOG-END-OFFSET  LAG             "
        "CONSUMER-ID            HOST            CLIENT-ID\n"
        f"g               ta              0          7               3               5               2               "
        f"{MEMBER_ID} /127.0.0.1      new\n"
        "g               ta              1          -               -               -               -               "
        "-                      -               -\n"
    )


def test_the_state_shows_both_epochs_with_verbose() -> None:
    assert text.state(described(NEW, epoch=4), verbose=True) == (
        "\n"
        "GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                GROUP-EPOCH     "
        "TARGET-ASSIGNMENT-EPOCH   #MEMBERS\n"
        "g               127.0.0.1:9092  (1)       uniform              Stable               4               "
        "4                         1\n"
    )


def test_a_plan_without_offsets_is_its_header() -> None:
    assert text.reset_plan({"g": {}}) == "\nGROUP           TOPIC           PARTITION  NEW-OFFSET\n"


def test_deleted_offsets_say_what_could_not_be_looked_up() -> None:
    assert text.deleted_offsets([("nosuch", None, "gone"), ("ta", 0, None)]) == (
        "\n"
        "TOPIC           PARTITION  STATUS         \n"
        "nosuch          -          Error: gone    \n"
        "ta              0          Successful     \n"
    )
