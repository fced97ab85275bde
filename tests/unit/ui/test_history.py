"""What the page says has changed, and how much it remembers."""

from typing import Any

from pykafka_cli.model import Timestamp
from pykafka_cli.ui.history import MOST_CHANGES, MOST_SAMPLES, History
from pykafka_cli.ui.views import Document


def brokers(*alive: int, controller: int | None = 1, silent: tuple[int, ...] = ()) -> Document:
    return {
        "controller": controller,
        "missing": [{"broker": each, "error": "no response"} for each in silent],
        "brokers": [{"broker": each, "is_alive": each in alive} for each in (1, 2, 3)],
    }


def topic(leader: int | None, isr: list[int]) -> Document:
    return {"partitions": [{"partition": 0, "leader": leader, "isr": isr}]}


def group(owners: dict[str, list[int]], *, state: str = "Stable", lag: int = 0) -> Document:
    members = [
        {"member_id": f"{name}-id", "client_id": name, "assignment": [{"topic": "t", "partition": p} for p in theirs]}
        for name, theirs in owners.items()
    ]
    partitions = [{"topic": "t", "partition": 0, "lag": lag}]
    return {"state": state, "members": members, "partitions": partitions, "missing": []}


def without_coordinator() -> Document:
    missing = [{"broker": 2, "error": "no response"}]
    return {"state": None, "members": None, "partitions": None, "missing": missing}


def changes(path: str, *documents: Document) -> list[str]:
    """Of the last document, the newest first."""
    history = History()
    found: Document = {"changes": []}
    for moment, document in enumerate(documents):
        found = history.completed(path, "name", document, Timestamp(moment))
    return [each["change"] for each in found["changes"]]


def test_the_first_look_has_no_changes() -> None:
    assert changes("/", brokers(1, 2, 3)) == []


def test_a_broker_that_dies_takes_the_controller_along() -> None:
    assert changes("/", brokers(1, 2, 3), brokers(2, 3, controller=2)) == [
        "broker 1 is down",
        "the controller is broker 2, and was broker 1",
    ]


def test_a_broker_that_does_not_respond_is_a_change_before_the_cluster_notices() -> None:
    assert changes("/", brokers(1, 2), brokers(1, 2, silent=(2,)), brokers(1), brokers(1, 2)) == [
        "broker 2 is up",
        "broker 2 is down",
        "broker 2 does not respond",
    ]
    assert changes("/", brokers(1, 2, silent=(2,)), brokers(1, 2)) == ["broker 2 responds again"]


def test_leaders_move_and_isrs_shrink() -> None:
    assert changes("/topic", topic(1, [1, 2]), topic(2, [2])) == [
        "partition 0: the leader is broker 2, and was broker 1",
        "partition 0: broker 1 has left the ISR",
    ]


def test_a_partition_without_a_leader_is_said_to_have_none() -> None:
    assert changes("/topic", topic(1, [1]), topic(None, [1])) == ["partition 0: the leader is none, and was broker 1"]


def test_a_member_that_joins_takes_partitions() -> None:
    assert changes("/group", group({"a": [0, 1]}), group({"a": [0], "b": [1]})) == [
        "b has joined",
        "t-1: b reads it, and a did",
    ]


def test_a_member_that_leaves_loses_them() -> None:
    assert changes("/group", group({"a": [0]}), group({}, state="Empty")) == [
        "a has left",
        "t-0: nobody reads it, and a did",
    ]


def test_what_happens_within_a_rebalance_is_no_change() -> None:
    rebalancing = group({"a": [], "b": []}, state="PreparingRebalance")

    assert changes("/group", group({"a": [0]}), rebalancing, group({"a": [0], "b": []})) == ["b has joined"]


def test_without_its_coordinator_a_group_is_as_it_was_last_seen() -> None:
    history, seen = History(), group({"a": [0]}, lag=3)
    history.completed("/group", "name", seen, Timestamp(7))

    silent = history.completed("/group", "name", without_coordinator(), Timestamp(9))
    again = history.completed("/group", "name", seen, Timestamp(10))

    assert silent["members"] == seen["members"]
    assert silent["partitions"] == seen["partitions"]
    assert silent["missing"] == without_coordinator()["missing"]
    assert silent["seen_at"] == 7
    assert silent["changes"] == again["changes"] == []


def test_a_group_that_was_never_seen_is_not_known_without_its_coordinator() -> None:
    history = History()

    silent = history.completed("/group", "name", without_coordinator(), Timestamp(9))
    found = history.completed("/group", "name", group({"a": [0]}), Timestamp(10))

    assert silent == {**without_coordinator(), "seen_at": None, "changes": []}
    assert found["changes"] == []


def test_lag_over_time_is_sampled_now_and_then_and_bounded() -> None:
    history, found = History(), dict[str, Any]()
    for moment in range(2 * MOST_SAMPLES):
        found = history.completed("/group", "g", group({}, lag=moment), Timestamp(moment * 500))
        history.completed("/group", "g", group({}, lag=-1), Timestamp(moment * 500 + 1))

    samples = found["partitions"][0]["lag_over_time"]
    assert [each["lag"] for each in samples] == list(range(MOST_SAMPLES, 2 * MOST_SAMPLES))


def test_changes_are_bounded() -> None:
    many = [brokers(1, 2) if moment % 2 else brokers(1, 2, 3) for moment in range(3 * MOST_CHANGES)]

    assert len(changes("/", *many)) == MOST_CHANGES


def test_pages_do_not_mix() -> None:
    history = History()
    history.completed("/topic", "a", topic(1, [1]), Timestamp(0))

    assert history.completed("/topic", "b", topic(2, [2]), Timestamp(1))["changes"] == []


def test_other_pages_stay_as_they_are() -> None:
    document: Document = {"topics": []}

    assert History().completed("/topics", "", document, Timestamp(0)) is document
