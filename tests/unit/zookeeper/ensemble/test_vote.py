import pytest

from pykafka_cli.zookeeper.ensemble.vote import NO_VOTE, Vote


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Vote(1, 0x5, 1, 2), Vote(3, 0x9, 9, 1)),
        (Vote(1, 0x200000006, 1, 2), Vote(3, 0x200000005, 1, 2)),
        (Vote(3, 0x5, 1, 2), Vote(1, 0x5, 1, 2)),
        (Vote(1, 0, 1, 0), Vote(NO_VOTE, NO_VOTE, 1, NO_VOTE)),
    ],
    ids=["later epoch", "more transactions", "larger id", "any rather than none"],
)
def test_one_vote_is_better(better: Vote, worse: Vote) -> None:
    assert better.is_better_than(worse)
    assert not worse.is_better_than(better)


def test_no_vote_is_better_than_itself_in_another_round() -> None:
    assert not Vote(1, 2, 9, 4).is_better_than(Vote(1, 2, 3, 4))
