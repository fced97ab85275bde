"""Matches records with expectations: what is met, what can no longer be met, and what to report.

Of a million records, only a few are kept: those that meet a want, those most like an unmet one, and the last few of
those that do not count.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from pykafka_cli.model import ConsumedRecord, TopicPartition
from pykafka_cli.rules.deserializers import DeserializationError
from pykafka_cli.rules.expect_json import (
    NOTHING,
    Difference,
    Want,
    WantIndex,
    differences,
    likeness,
    parse_value,
)
from pykafka_cli.rules.expect_matching import Matching, OrderedMatching
from pykafka_cli.rules.expect_records import Came, Filter, Texts, quoted

MOST_SAMPLES = 10
_MOST_RECENT = 100
"""Number of records among which to find the one most like a want, besides near misses."""


class Expectation(NamedTuple):
    """The expectations of a topic's records.

    number    of records, or more unless `exactly`; None: the number of wants, or one
    source    the file of the wants, for messages
    ordered   records of one key must have the order of their wants
    exactly   no other records may count
    """

    topic: str
    number: int | None = None
    wants: Sequence[Want] = ()
    source: str = ""
    ordered: bool = False
    exactly: bool = False
    filter: Filter = Filter()

    @property
    def least(self) -> int:
        return max(self.number if self.number is not None else int(not self.wants), len(self.wants))


class Outcome(Enum):
    MET = "met"
    UNMET = "unmet"
    SKIPPED = "skipped"


class Nearest(NamedTuple):
    """The record most like a want, and the differences; its value is not JSON if `is_json` is False."""

    came: Came
    differences: tuple[Difference, ...]
    is_json: bool


class Assertion(NamedTuple):
    """One expectation, and its result.

    line       the line in the file of wants, with the value `wanted`
    records    surplus records, or the last that do not count; `more` is the number of others
    """

    name: str
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    line: int | None = None
    wanted: Any = NOTHING
    came: Came | None = None
    nearest: Nearest | None = None
    records: tuple[Came, ...] = ()
    more: int = 0


class _Value(NamedTuple):
    came: Came
    value: Any


class Ledger:
    """Matches records, added in the order of each partition, with an Expectation."""

    def __init__(self, wanted: Expectation, texts: Texts) -> None:
        self._wanted = wanted
        self._texts = texts
        self._index = WantIndex(wanted.wants)
        self._matching: Matching[Came] = Matching(len(wanted.wants))
        self._ordered: OrderedMatching[Came] = OrderedMatching(len(wanted.wants))
        self._others: Counter[str] = Counter()
        self._last_others: deque[Came] = deque(maxlen=3)
        self._surplus: list[Came] = []
        self._nearest: dict[int, tuple[int, _Value]] = {}
        self._recent: deque[tuple[TopicPartition, ConsumedRecord, Any]] = deque(maxlen=_MOST_RECENT)
        self.seen = 0
        """Number of records."""
        self.counted = 0
        """Number of records that count."""

    # ---- records

    def add(self, partition: TopicPartition, records: Sequence[ConsumedRecord]) -> None:
        self.seen += len(records)
        is_plain = not (self._wanted.wants or self._wanted.exactly) and self._wanted.filter == Filter()
        if is_plain:
            self.counted += len(records)
            return
        for record in records:
            if problem := self._wanted.filter.problem(record, self._texts):
                self._others[problem] += 1
                self._last_others.append(self._texts.came(partition, record))
                continue
            self.counted += 1
            is_used = self._match(partition, record) if self._wanted.wants else self.counted <= self._wanted.least
            if not is_used and self._wanted.exactly and len(self._surplus) < MOST_SAMPLES:
                self._surplus.append(self._texts.came(partition, record))

    def _match(self, partition: TopicPartition, record: ConsumedRecord) -> bool:
        """Match a record; return whether one more want is met."""
        try:
            value = parse_value(self._texts.value(record))
        except DeserializationError:
            value = NOTHING
        came: Came | None = None
        fits = []
        for number in self._index.candidates(value):
            if self._matching.is_closed(number) and not self._wanted.ordered:
                continue
            if self._index.fits(number, value):
                fits.append(number)
            elif not self._matching.is_met(number):
                came = came or self._texts.came(partition, record)
                self._note_near_miss(number, _Value(came, value))
        if fits:
            came = came or self._texts.came(partition, record)
            if self._wanted.ordered:
                self._ordered.offer((partition, record.key), came, fits)
            if self._matching.offer(came, fits):
                return True
        if self._matching.met_count < len(self._wanted.wants):
            self._recent.append((partition, record, value))
        return False

    def _note_near_miss(self, number: int, near: _Value) -> None:
        alike = likeness(self._wanted.wants[number].value, near.value)
        if number not in self._nearest or alike > self._nearest[number][0]:
            self._nearest[number] = alike, near

    # ---- the state

    @property
    def is_met(self) -> bool:
        """Whether everything expected has arrived, without surplus."""
        return self._all_came and not self.surplus and self._is_in_order

    @property
    def _all_came(self) -> bool:
        return self.counted >= self._wanted.least and not self._matching.unmet

    @property
    def _is_in_order(self) -> bool:
        return not self._wanted.ordered or self._ordered.is_met

    @property
    def surplus(self) -> int:
        """The number of surplus records, if none are allowed."""
        if not self._wanted.exactly:
            return 0
        if self._wanted.number is None and self._wanted.wants:
            return self.counted - self._matching.met_count
        return max(0, self.counted - self._wanted.least)

    @property
    def is_hopeless(self) -> bool:
        """Whether no other record can help."""
        room = self._wanted.least - self.counted
        lacks = len(self._matching.unmet) > room or (room <= 0 and not self._is_in_order)
        return self._wanted.exactly and (self.surplus > 0 or lacks)

    @property
    def missing(self) -> str:
        """What is still missing, in words; empty if nothing is."""
        if self._wanted.wants:
            unmet = len(self._matching.unmet)
            if unmet:
                return f"{len(self._wanted.wants) - unmet} of {len(self._wanted.wants)} wanted records"
        if self.counted < self._wanted.least:
            return f"{self.counted} of {self._wanted.least} records"
        return "" if self._is_in_order else "the order by key"

    # ---- the report

    def assertions(self, *, read_to_end: bool) -> list[Assertion]:
        """All expectations and their results.

        read_to_end    whether the logs were read to their ends, to look for surplus records
        """
        is_counted = self._wanted.least > 0 and (self._wanted.number is not None or not self._wanted.wants)
        found = [self._of_count()] if is_counted else []
        found += self._of_wants()
        if self._wanted.ordered:
            found.append(self._of_order())
        if self._wanted.exactly:
            found.append(self._of_surplus(read_to_end=read_to_end))
        return found

    def _named(self, text: str) -> str:
        return f"{self._wanted.topic}: {text}"

    def _of_count(self) -> Assertion:
        least = self._wanted.least
        more = "" if self._wanted.exactly else " or more"
        name = self._named(f"{_records(least)}{more}{self._wanted.filter.words}")
        if self.counted >= least:
            return Assertion(name, Outcome.MET)
        reason = f"{self.counted} of {least} arrived{self._others_in_words()}"
        return Assertion(name, Outcome.UNMET, reason, records=tuple(self._last_others), more=self._more_others())

    def _more_others(self) -> int:
        return sum(self._others.values()) - len(self._last_others)

    def _others_in_words(self) -> str:
        if not self._others:
            return ""
        total = sum(self._others.values())
        kinds = ", ".join(f"{count} {problem}" for problem, count in self._others.most_common(5))
        return f"; {total} {'other does' if total == 1 else 'others do'} not count: {kinds}"

    def _of_wants(self) -> list[Assertion]:
        met = self._matching.met
        found = []
        for number, want in enumerate(self._wanted.wants):
            name = self._named(f"{self._wanted.source} line {want.line}")
            if number in met:
                found.append(Assertion(name, Outcome.MET, line=want.line, wanted=want.value, came=met[number]))
            else:
                found.append(self._of_unmet(name, number, want, met))
        return found

    def _of_unmet(self, name: str, number: int, want: Want, met: Mapping[int, Came]) -> Assertion:
        reason = f"did not arrive{self._others_in_words()}"
        nearest = self._nearest_to(number, want)
        used = next((came for other, came in met.items() if self._fits_too(other, number)), None)
        if used is not None:
            reason, nearest = "arrived less often than expected", Nearest(used, (), is_json=True)
        return Assertion(name, Outcome.UNMET, reason, line=want.line, wanted=want.value, nearest=nearest)

    def _fits_too(self, met: int, unmet: int) -> bool:
        """Whether the record of a met want would also fit an unmet one."""
        return unmet in self._matching.fits_of(met)

    def _nearest_to(self, number: int, want: Want) -> Nearest | None:
        alike, best = self._nearest.get(number, (-1, None))
        recent = max(self._recent, key=lambda each: likeness(want.value, each[2]), default=None)
        if recent is not None and likeness(want.value, recent[2]) > alike:
            partition, record, value = recent
            best = _Value(self._texts.came(partition, record), value)
        if best is None:
            return None
        return Nearest(best.came, tuple(differences(want.value, best.value)), best.value is not NOTHING)

    def _of_order(self) -> Assertion:
        name = self._named(f"{self._wanted.source} in order by key")
        if self._matching.unmet:
            return Assertion(name, Outcome.SKIPPED, "not all of its records arrived")
        if self._ordered.is_met:
            return Assertion(name, Outcome.MET)
        if self._ordered.is_ambiguous:
            hint = "Use lines that fit records of fewer keys."
            return Assertion(name, Outcome.UNMET, "there are too many possible orders to try", hint)
        if (wrong := self._ordered.misplaced) is None:
            return Assertion(name, Outcome.UNMET, "the records do not have this order")
        late, early = self._wanted.wants[wrong.want].line, self._wanted.wants[wrong.earlier].line
        reason = (
            f"key {quoted(wrong.record.key)}: line {late} arrived at {wrong.record.place}, before line {early}, which"
            f" arrived at offset {wrong.earlier_record.offset}"
        )
        return Assertion(name, Outcome.UNMET, reason, line=late, records=(wrong.record, wrong.earlier_record))

    def _of_surplus(self, *, read_to_end: bool) -> Assertion:
        other = "other " if self._wanted.least else ""
        name = self._named(f"no {other}records{self._wanted.filter.words}")
        if self.surplus:
            shown = tuple(self._surplus)
            reason = f"{_records(self.surplus)} too many"
            return Assertion(name, Outcome.UNMET, reason, records=shown, more=max(0, self.surplus - len(shown)))
        if not self.is_met:
            return Assertion(name, Outcome.SKIPPED, "not everything expected arrived")
        if not read_to_end:
            return Assertion(name, Outcome.UNMET, "time was up before the logs were read to their ends")
        return Assertion(name, Outcome.MET)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
