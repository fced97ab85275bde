"""The range of records to read, from the command line: the newest, those between two times, or all.

--last 10    --from-time 2026-12-31T12:00:00Z    --until-time 5m (ago)    --exit-at-end
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from pykafka_cli.model import Offset, OffsetSpec, Timestamp
from pykafka_cli.rules.wait_conditions import parse_duration
from pykafka_cli.rules.what_to_read import NotTogether

RANGE_OPTIONS = ("last", "from-time", "until-time", "exit-at-end")
STARTS = ("last", "from-time", "from-beginning", "offset")
"""Options that set the start; they exclude each other."""
_EARLIEST_TIMESTAMP = 10**11
"""1973: a smaller number is more likely an offset, or seconds, than milliseconds since 1970."""


class ReadingRange(NamedTuple):
    """The range to read of each partition.

    start           the start unless `last` or `from_ms` sets it
    last            the number of newest records of all partitions together
    from_ms         records with this timestamp or a later one
    until_ms        records with an earlier timestamp
    exits_at_end    whether to stop at the current ends of partitions
    """

    start: Offset | OffsetSpec
    last: int | None
    from_ms: Timestamp | None
    until_ms: Timestamp | None
    exits_at_end: bool

    def has_time(self, timestamp_ms: Timestamp | None) -> bool:
        """Whether a timestamp is between the two times; a record without one is if neither time is set."""
        if self.from_ms is None and self.until_ms is None:
            return True
        return (
            timestamp_ms is not None
            and (self.from_ms is None or timestamp_ms >= self.from_ms)
            and (self.until_ms is None or timestamp_ms < self.until_ms)
        )


def check_range(given: Collection[str], *, has_group: bool) -> None:
    """Check that no group is given, as a group has its own position, and that there is one start.

    raises    NotTogether
    """
    ranged = [name for name in RANGE_OPTIONS if name in given]
    if ranged and has_group:
        raise NotTogether(f"Options group and {ranged[0]} cannot be specified together.")
    starts = [name for name in STARTS if name in given]
    if len(starts) > 1 and ranged:
        raise NotTogether(f"Options {starts[0]} and {starts[1]} cannot be specified together.")


def parse_moment(text: str, now_ms: Timestamp) -> Timestamp:
    """Milliseconds since the epoch: as such, as a time in ISO 8601 (local without a zone), or as 5m, five minutes ago.

    raises    ValueError
    """
    if text.isascii() and text.isdigit():
        if int(text) < _EARLIEST_TIMESTAMP:
            raise ValueError(f"{text} is not a timestamp in milliseconds")
        return Timestamp(int(text))
    try:
        return Timestamp(now_ms - round(parse_duration(text.removesuffix("ago").rstrip()) * 1000))
    except ValueError:
        pass
    try:
        return Timestamp(max(0, round(datetime.fromisoformat(text).timestamp() * 1000)))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time") from None
