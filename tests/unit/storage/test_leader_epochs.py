import pytest

from pykafka_cli.model import LeaderEpoch, Offset
from pykafka_cli.storage.leader_epochs import EpochStart, LeaderEpochs

HISTORY = [
    EpochStart(LeaderEpoch(0), Offset(0)),
    EpochStart(LeaderEpoch(2), Offset(10)),
    EpochStart(LeaderEpoch(5), Offset(30)),
]


def test_an_epoch_is_noted_once_however_often_it_writes() -> None:
    changes: list[int] = []
    epochs = LeaderEpochs(on_change=lambda entries: changes.append(len(entries)))

    epochs.assign(LeaderEpoch(0), Offset(0))
    epochs.assign(LeaderEpoch(0), Offset(7))

    assert epochs.entries == [EpochStart(LeaderEpoch(0), Offset(0))]
    assert changes == [1]


def test_an_epoch_learns_of_when_it_has_records() -> None:
    changes: list[list[EpochStart]] = []
    epochs = LeaderEpochs(
        [EpochStart(LeaderEpoch(0), Offset(0))], on_change=lambda entries: changes.append(list(entries))
    )

    epochs.assign(LeaderEpoch(1), Offset(5), has_records=False)
    assert (epochs.latest, epochs.latest_notified, changes) == (1, None, [])
    epochs.assign(LeaderEpoch(2), Offset(5), has_records=False)
    epochs.assign(LeaderEpoch(2), Offset(5))
    epochs.assign(LeaderEpoch(2), Offset(6))

    assert changes == [[EpochStart(LeaderEpoch(0), Offset(0)), EpochStart(LeaderEpoch(2), Offset(5))]]
    assert epochs.latest_notified == 2


def test_a_new_epoch_replaces_later_starts_and_later_epochs() -> None:
    epochs = LeaderEpochs(HISTORY)

    epochs.assign(LeaderEpoch(6), Offset(10))

    assert epochs.entries == [EpochStart(LeaderEpoch(0), Offset(0)), EpochStart(LeaderEpoch(6), Offset(10))]


@pytest.mark.parametrize(
    ("epoch", "answer"),
    [(-1, None), (0, (0, 10)), (1, (0, 10)), (2, (2, 30)), (4, (2, 30)), (5, (5, 40)), (6, None)],
)
def test_an_epoch_ends_where_the_next_one_begins(epoch: int, answer: tuple[int, int] | None) -> None:
    assert LeaderEpochs(HISTORY).end_offset_for(LeaderEpoch(epoch), log_end=Offset(40)) == answer


def test_an_epoch_older_than_all_known_ends_where_the_oldest_begins() -> None:
    assert LeaderEpochs([EpochStart(LeaderEpoch(3), Offset(10))]).end_offset_for(
        LeaderEpoch(1), log_end=Offset(40)
    ) == (1, 10)


def test_nothing_is_known_without_epochs() -> None:
    assert LeaderEpochs().end_offset_for(LeaderEpoch(0), log_end=Offset(40)) is None
    assert LeaderEpochs().latest is None


@pytest.mark.parametrize(("offset", "epoch"), [(0, 0), (9, 0), (10, 2), (29, 2), (99, 5)])
def test_an_offset_belongs_to_the_epoch_that_wrote_it(offset: int, epoch: int) -> None:
    assert LeaderEpochs(HISTORY).epoch_for_offset(Offset(offset)) == epoch


@pytest.mark.parametrize(("end", "left"), [(31, 3), (30, 2), (10, 1), (0, 0)])
def test_truncation_forgets_epochs_that_begin_there_or_later(end: int, left: int) -> None:
    epochs = LeaderEpochs(HISTORY)

    epochs.truncate_from_end(Offset(end))

    assert epochs.entries == HISTORY[:left]


def test_a_later_log_start_is_where_its_epoch_begins_now() -> None:
    epochs = LeaderEpochs(HISTORY)

    epochs.truncate_from_start(Offset(15))

    assert epochs.entries == [EpochStart(LeaderEpoch(2), Offset(15)), EpochStart(LeaderEpoch(5), Offset(30))]


def test_a_log_start_that_is_known_changes_nothing() -> None:
    changes: list[int] = []
    epochs = LeaderEpochs(HISTORY, on_change=lambda entries: changes.append(len(entries)))

    epochs.truncate_from_start(Offset(0))

    assert changes == []
