"""Rates and buckets give what the classes of Apache Kafka 3.9.1 give for the same records at the same times."""

import pytest

from pykafka_cli.broker.quotas.rates import Rate, TokenBucket, Windows

BEGIN = 1000.0
LIMIT = 1000

# Seconds after the beginning, amount; then Rate.measure and QuotaUtils.throttleTime (s) for a limit of 1000.
RECORDED = (
    (0.0, 5000, 500.0, 0.0),
    (0.3, 6000, 1067.9611650485435, 0.7),
    (0.9, 100, 1018.3486238532109, 0.2),
    (1.1, 4000, 1495.049504950495, 5.0),
    (2.5, 0, 1438.095238095238, 4.6),
    (5.0, 20000, 3510.0, 25.1),
    (10.9, 0, 3220.183486238532, 24.2),
    (11.2, 700, 3196.4285714285716, 24.6),
    (11.9, 0, 2287.037037037037, 13.9),
    (15.999, 1, 1882.0801891081007, 9.702),
    (16.0, 9000, 960.4950495049505, 0.0),
    (40.0, 3000, 300.0, 0.0),
    (41.0, 30000, 3300.0, 23.0),
)

# Seconds, tokens that are taken; then TokenBucket.measure for two tokens a second.
TAKEN = (
    (0.0, 10, 12.0),
    (0.5, 30, -17.0),
    (1.0, 1, -17.0),
    (9.0, 0, -1.0),
    (20.0, 3, 18.0),
    (20.1, 50, -31.8),
)


def test_a_rate_is_that_of_kafka() -> None:
    rate = Rate(Windows())
    found = []
    for seconds, amount, _, _ in RECORDED:
        now = BEGIN + seconds
        rate.record(amount, now)
        found.append((seconds, amount, rate.per_second(now), rate.excess(LIMIT, now)))

    assert [each[2] for each in found] == pytest.approx([each[2] for each in RECORDED])
    assert [each[3] for each in found] == pytest.approx([each[3] for each in RECORDED], abs=1e-3)


def test_a_bucket_is_that_of_kafka() -> None:
    bucket = TokenBucket(Windows(), BEGIN)
    found = []
    for seconds, amount, _ in TAKEN:
        bucket.take(amount, 2, BEGIN + seconds)
        found.append(bucket.tokens(2, BEGIN + seconds))

    assert found == pytest.approx([each[2] for each in TAKEN])
    assert bucket.debt(2, BEGIN + 20.1) == pytest.approx(15.9)


def test_what_was_taken_back_does_not_count() -> None:
    rate = Rate(Windows())
    rate.record(500, BEGIN)
    rate.record(-500, BEGIN)

    assert rate.per_second(BEGIN) == 0


def test_a_rate_is_idle_once_nothing_of_it_counts() -> None:
    rate = Rate(Windows(samples=3, size_s=2.0))
    rate.record(1, BEGIN)

    assert [rate.is_idle(BEGIN + seconds) for seconds in (0, 5.9, 6)] == [False, False, True]


def test_a_bucket_is_idle_once_it_is_full_however_long_that_takes() -> None:
    bucket = TokenBucket(Windows(), BEGIN)
    assert bucket.is_idle(BEGIN)
    bucket.take(1000, 2, BEGIN)

    assert [bucket.is_idle(BEGIN + seconds) for seconds in (22, 499, 500)] == [False, False, True]
