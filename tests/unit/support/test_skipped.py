"""The lines at the end of a run."""

from tests.support.skipped import summary


def test_each_reason_is_a_line_that_says_how_often_it_held() -> None:
    reasons = ["kcat is not on this machine", "Apache Kafka is not on this machine", "kcat is not on this machine"]
    assert summary(reasons) == ["   2 x  kcat is not on this machine", "   1 x  Apache Kafka is not on this machine"]
