"""That the simulation of ensembles finds mistakes of reconfigurations, and the seeds that have found some."""

from collections.abc import Callable
from typing import Any

import pytest

from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState
from pykafka_cli.zookeeper.ensemble.member import Member, parsed_configuration
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import SetDataTxn, decode_entry
from tests.simulation.ensemble.run import simulate

MOST_SEEDS = 200
"""Seeds within which each planted bug is found."""

Plant = Callable[[pytest.MonkeyPatch], None]


def commits_a_configuration_with_the_quorum_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaderState, "_are_quorum", lambda self, ids: self._quorum.is_quorum(ids))


def takes_a_configuration_over_before_it_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    append = Member.append

    def take_over_at_once(self: Any, zxid: int, entry: bytes, flushed: Callable[[int], None]) -> None:
        append(self, zxid, entry, flushed)
        decoded = decode_entry(entry)
        if decoded.header.type == OpCode.RECONFIG:
            assert isinstance(decoded.record, SetDataTxn)
            self.peer.take_over(parsed_configuration(decoded.record.data))

    monkeypatch.setattr(Member, "append", take_over_at_once)


def forgets_what_was_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has only logged a configuration goes on with the one before, which may be out of force."""
    monkeypatch.setattr(Member, "logged_configuration", lambda _: None)


@pytest.mark.parametrize(
    ("plant", "known"),
    [
        (commits_a_configuration_with_the_quorum_before, 3),
        (takes_a_configuration_over_before_it_is_committed, 3),
        (forgets_what_was_proposed, 149),
    ],
)
def test_a_planted_mistake_shows(plant: Plant, known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """known    a seed that has found it, which is tried first"""
    plant(monkeypatch)

    assert any(simulate(seed).faults for seed in (known, *range(MOST_SEEDS)))
