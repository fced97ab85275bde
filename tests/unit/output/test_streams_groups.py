"""Tables of kafka-streams-groups.sh 4.3.1, as it printed them."""

from pykafka_cli.model import (
    Broker,
    BrokerId,
    LeaderEpoch,
    Offset,
    StreamsGroup,
    StreamsMember,
    StreamsOffset,
    StreamsTasks,
    TopicPartition,
)
from pykafka_cli.output import streams_groups as text

TASKS = StreamsTasks({"1": (0, 1), "0": (0,)}, {}, {"1": (2,)})
MEMBER = StreamsMember("IYxbqDdhQ1uymT6w-BD9VQ", "process", "client", 3, 0, is_classic=False, tasks=TASKS, target=TASKS)
GROUP = StreamsGroup("app", "Stable", Broker(BrokerId(1), "127.0.0.1", 29192, None), 3, 3, ("in",), ("in",), (MEMBER,))


def test_tasks_are_listed_by_kind_and_subtopology() -> None:
    assert text.tasks(TASKS) == "ACTIVE: 0:[0]; 1:[0,1]; WARMUP: 1:[2]; "
    assert text.tasks(TASKS, "TARGET-").startswith("TARGET-ACTIVE: 0:[0]; ")


def test_offsets_show_the_lag_and_with_verbose_where_it_comes_from() -> None:
    rows = [
        StreamsOffset(TopicPartition("in", 0), Offset(3), LeaderEpoch(0), Offset(5), 2),
        StreamsOffset(TopicPartition("in", 1), None, None, Offset(1), 1),
    ]

    assert text.offsets("app", rows, verbose=False) == (
        "GROUP           TOPIC           PARTITION  OFFSET-LAG\n"
        "app             in              0          2\n"
        "app             in              1          1\n"
    )
    assert text.offsets("app", rows, verbose=True).splitlines()[2] == (
        "app             in              1          -               -               1               1              "
    )


def test_members_with_verbose_show_epochs_and_protocol() -> None:
    header, row = text.members(GROUP, verbose=True).splitlines()

    assert header == (
        "GROUP           TARGET-ASSIGNMENT-EPOCH   TOPOLOGY-EPOCH MEMBER                 MEMBER-PROTOCOL "
        "MEMBER-EPOCH    PROCESS         CLIENT-ID       ASSIGNMENTS"
    )
    assert row.split()[:8] == ["app", "3", "0", "IYxbqDdhQ1uymT6w-BD9VQ", "streams", "3", "process", "client"]


def test_the_state_has_one_blank_before_the_coordinators_id() -> None:
    assert text.state(GROUP, verbose=False) == (
        "GROUP           COORDINATOR (ID)          STATE                     #MEMBERS\n"
        "app             127.0.0.1:29192 (1)       Stable                    1\n"
    )
