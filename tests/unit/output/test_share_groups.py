"""Tables of kafka-share-groups.sh 4.3.1, as it printed them."""

from pykafka_cli.model import (
    Broker,
    BrokerId,
    GroupDescription,
    LeaderEpoch,
    MemberDescription,
    Offset,
    ShareOffset,
    TopicPartition,
)
from pykafka_cli.output import share_groups as text

PARTITIONS = (TopicPartition("shr", 0), TopicPartition("shr", 1))
MEMBER = MemberDescription("FSjYCEBTSvCyGgg-rc0k6g", None, "console-share-consumer", "/127.0.0.1", PARTITIONS, 3)
GROUP = GroupDescription("sg", "Stable", "simple", Broker(BrokerId(1), "127.0.0.1", 29192, None), (MEMBER,), 3, 3)


def test_what_was_not_read_yet_has_no_offset() -> None:
    rows = [ShareOffset(PARTITIONS[0], Offset(4), 2, LeaderEpoch(0)), ShareOffset(PARTITIONS[1], None, None, None)]

    assert text.offsets("sg", rows, verbose=True) == (
        "\n"
        "GROUP           TOPIC           PARTITION  LEADER-EPOCH  START-OFFSET  LAG\n"
        "sg              shr             0          0             4             2\n"
        "sg              shr             1          -             -             -\n"
    )


def test_members_show_their_epoch_with_verbose() -> None:
    assert text.members(GROUP, verbose=False) == (
        "\n"
        "GROUP           CONSUMER-ID            HOST            CLIENT-ID              #PARTITIONS  ASSIGNMENT\n"
        "sg              FSjYCEBTSvCyGgg-rc0k6g /127.0.0.1      console-share-consumer 2            shr:0,1\n"
    )
    assert "#PARTITIONS  MEMBER-EPOCH  ASSIGNMENT\n" in text.members(GROUP, verbose=True)
    assert text.members(GROUP._replace(members=()), verbose=True) == ""


def test_the_state_shows_both_epochs_with_verbose() -> None:
    assert text.state(GROUP, verbose=True) == (
        "\n"
        "GROUP           COORDINATOR (ID)          STATE           GROUP-EPOCH  ASSIGNMENT-EPOCH  #MEMBERS\n"
        "sg              127.0.0.1:29192  (1)      Stable          3            3                 1\n"
    )
