"""Some seeds of the simulation, and that it finds the mistakes it is there to find."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pykafka_cli.clients.consuming import consumer_protocol_member, fetcher, group_member
from pykafka_cli.clients.consuming.consumer_protocol_member import ConsumerProtocolMember
from pykafka_cli.clients.producing import record_queue, sender
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.model import ProducerEpoch, ProducerId, ProducerIdAndEpoch
from tests.simulation.loop import VirtualLoop
from tests.simulation.run import simulate

SEEDS = 40
MOST_SEEDS = 60
"""Within which each of the planted mistakes shows."""


def test_clients_stand_the_storms_of_these_seeds() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds", str(SEEDS)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("seed", [255, 492, 5007, 20879, 30084])
def test_a_seed_that_failed_once_passes(seed: int) -> None:
    assert simulate(seed).faults == []


def test_seeds_take_different_courses() -> None:
    assert len({simulate(seed).digest for seed in (3, 30087, 30095)}) == 3


def test_time_moves_only_when_nothing_is_ready() -> None:
    loop = VirtualLoop()

    async def wait() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
        return loop.time()

    assert loop.run_until_complete(wait()) == 7200
    loop.close()


def lost_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader's task is begun when there is none, and never woken."""

    def begin_only(self: Any, source: Any) -> None:
        if source.leader is not None and source.leader not in self._leaders:
            self._ensure_asked(source.leader)

    monkeypatch.setattr(fetcher.Fetcher, "_ask_if_all_is_known", begin_only)


def forgotten_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transactional producer writes under epoch 0, whichever it was given."""

    def forgetful(producer_id: int, _epoch: int) -> ProducerIdAndEpoch:
        return ProducerIdAndEpoch(ProducerId(producer_id), ProducerEpoch(0))

    monkeypatch.setattr("pykafka_cli.clients.producing.transactions.ProducerIdAndEpoch", forgetful)


def epoch_of_the_last_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer goes on under the epoch of a transaction that is over (KIP-890)."""
    monkeypatch.setattr(Producer, "continue_as", lambda _self, _producer: None)


def forgotten_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that may have arrived is sent again under another sequence number."""
    back = record_queue.RecordQueue.back

    def forget(self: Any, batch: Any, not_before: float) -> None:
        batch.sequence = -1
        back(self, batch, not_before)

    monkeypatch.setattr(record_queue.RecordQueue, "back", forget)


def dropped_retry_of_the_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "RETRIABLE", frozenset())


def dropped_retry_of_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "_LEADER_IS_ELSEWHERE", frozenset())


def membership_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that the group has forgotten insists on its old id."""
    monkeypatch.setattr(group_member.GroupMember, "_forget", lambda _self: None)


def truncation_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an unclean election, a consumer goes on at an offset before which other records are now."""
    monkeypatch.setattr(fetcher, "is_truncated", lambda _position, _end: False)


def membership_kept_for_ever_by_the_new_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsumerProtocolMember, "_forget", lambda _self: None)


def revocation_confirmed_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member says that it has its new assignment and no more, while it still reads what it is to give up."""

    class Boasting(ConsumerProtocolMember):
        def _note(self, answer: Any) -> None:
            super()._note(answer)
            if self._owned and self._target is not None and self._target != self._owned:
                self._owned = self._target
                self._has_changes.set()

    monkeypatch.setattr(consumer_protocol_member, "ConsumerProtocolMember", Boasting)


@pytest.mark.parametrize(
    "plant",
    [
        lost_wake_up,
        forgotten_epoch,
        epoch_of_the_last_transaction,
        forgotten_sequence,
        dropped_retry_of_the_producer,
        dropped_retry_of_the_consumer,
        membership_kept_for_ever,
        truncation_unnoticed,
        membership_kept_for_ever_by_the_new_protocol,
        revocation_confirmed_too_early,
    ],
)
def test_a_planted_mistake_shows(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert any(simulate(seed).faults for seed in range(MOST_SEEDS))
