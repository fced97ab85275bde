"""What the scripts log on stderr."""

from pykafka_cli.console.log_lines import QUIET_S, Repetitions


def test_a_warning_that_comes_again_and_again_counts_once_until_it_has_stayed_away() -> None:
    now = [0.0]
    warnings = Repetitions(lambda: now[0])

    assert not warnings.repeats("broker 0 is away")
    for _ in range(200):  # for longer than QUIET_S in all
        now[0] += 1
        assert warnings.repeats("broker 0 is away")
    now[0] += QUIET_S
    assert not warnings.repeats("broker 0 is away")


def test_a_warning_is_printed_again_after_another() -> None:
    warnings = Repetitions(lambda: 0.0)

    assert [warnings.repeats(each) for each in ("a", "b", "a", "a")] == [False, False, False, True]
