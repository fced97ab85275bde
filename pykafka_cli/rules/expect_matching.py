"""Which record stands for which want: each want needs a record of its own, and a record may fit several wants.

Only records that matter are kept. Where order does not count, a record that cannot add to the wants that are met never
will be able to (what can be met at once is a matroid), so at most one record for each want is kept. Where it does
count, a record of a key is left out once every succession of as many wants as there are can do without it.
source    Kuhn's augmenting paths; the shortlex coordinates of Fleischer and Kufleitner (Testing Simon's congruence)
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MOST_STEPS = 200_000
"""Of a search for an order; where wants fit records of several keys, there may be more ways than can be tried."""


class _Met(NamedTuple, Generic[T]):
    record: T
    fits: tuple[int, ...]


class Matching(Generic[T]):
    """As many wants as possible, each met by another record, in whatever order."""

    def __init__(self, wants: int) -> None:
        self._count = wants
        self._met: dict[int, _Met[T]] = {}
        self._closed: set[int] = set()  # met for good: none of their records fits a want outside

    def offer(self, record: T, fits: Sequence[int]) -> bool:
        """Whether one more want is met, now that there is this record, which fits these."""
        new = _Met(record, tuple(fits))
        before: dict[int, int | None] = {want: None for want in fits if want not in self._closed}
        queue = deque(before)
        while queue:
            want = queue.popleft()
            if want not in self._met:
                self._shift(new, want, before)
                return True
            for other in self._met[want].fits:
                if other not in before and other not in self._closed:
                    before[other] = want
                    queue.append(other)
        self._closed.update(before)
        return False

    def _shift(self, new: _Met[T], want: int, before: Mapping[int, int | None]) -> None:
        """Along the path to a free want, each record goes one want on."""
        while (earlier := before[want]) is not None:
            self._met[want] = self._met[earlier]
            want = earlier
        self._met[want] = new

    @property
    def unmet(self) -> list[int]:
        return [want for want in range(self._count) if want not in self._met] if len(self._met) < self._count else []

    @property
    def met_count(self) -> int:
        return len(self._met)

    def is_met(self, want: int) -> bool:
        return want in self._met

    def fits_of(self, want: int) -> Sequence[int]:
        """The wants that the record of one that is met fits."""
        return self._met[want].fits

    def is_closed(self, want: int) -> bool:
        """Whether no further record can be of use to it."""
        return want in self._closed

    @property
    def met(self) -> Mapping[int, T]:
        """The record of each want that is met."""
        return {want: each.record for want, each in sorted(self._met.items())}


class Misplaced(NamedTuple, Generic[T]):
    """A want that no record meets in its place: those that fit it came before that of an earlier want."""

    want: int
    record: T
    earlier: int
    earlier_record: T


class _Kept(NamedTuple, Generic[T]):
    record: T
    fits: tuple[int, ...]


class _Chain(Generic[T]):
    """The records that have to keep an order among themselves: those of one key."""

    def __init__(self, most: int) -> None:
        self.kept: list[_Kept[T]] = []
        self.positions: dict[int, list[int]] = {}
        self._most = most
        self._coordinates: dict[int, int] = {}

    def offer(self, record: T, fits: Sequence[int]) -> bool:
        """Keep it if some succession of at most as many wants as there are cannot do without it."""
        here = min(self._coordinates.get(want, 1) for want in fits)
        if here > self._most:
            return False
        for want in self._coordinates:
            self._coordinates[want] = min(self._coordinates[want], here + 1)
        for want in fits:
            self._coordinates[want] = here + 1
            self.positions.setdefault(want, []).append(len(self.kept))
        self.kept.append(_Kept(record, tuple(fits)))
        return True

    def first(self, want: int, start: int) -> int | None:
        """The first position from `start` on whose record fits."""
        positions = self.positions.get(want, [])
        place = bisect_left(positions, start)
        return positions[place] if place < len(positions) else None


class OrderedMatching(Generic[T]):
    """All wants, each met by another record, so that records of one key come in the order of their wants."""

    def __init__(self, wants: int) -> None:
        self._count = wants
        self._chains: dict[Hashable, _Chain[T]] = {}
        self._chains_of: dict[int, list[_Chain[T]]] = {}
        self._is_new = False
        self._misplaced: Misplaced[T] | None = None
        self._is_met = False
        self.is_ambiguous = False
        """The last search was given up."""

    def offer(self, key: Hashable, record: T, fits: Sequence[int]) -> None:
        """A record that came after all that were offered with the same key.

        A want that as many keys have as there are wants is never in the way: one of them is free for it.
        """
        fits = [want for want in fits if len(self._chains_of.get(want, ())) < self._count]
        if not fits or self._is_met:
            return
        chain = self._chains.setdefault(key, _Chain(self._count))
        new = [want for want in fits if want not in chain.positions]
        if chain.offer(record, fits):
            self._is_new = True
            for want in new:
                self._chains_of.setdefault(want, []).append(chain)

    @property
    def is_met(self) -> bool:
        if self._is_new and not self._is_met:
            self._is_new = False
            self._is_met = self._search()
        return self._is_met

    @property
    def misplaced(self) -> Misplaced[T] | None:
        """The first want that has no record in its place, of the last search."""
        return self._misplaced

    def _search(self) -> bool:
        """One want after another, each with the earliest record of a key; back where that leads nowhere."""
        self._misplaced, self.is_ambiguous = None, False
        steps, furthest = 0, -1
        chosen: list[tuple[_Chain[T], int, int]] = []  # for each want: chain, position, where the chain was before
        places: dict[int, int] = {}  # by id of the chain: the first position that is free
        ways = [self._ways(0, places)]
        while ways:
            steps += 1
            if steps > MOST_STEPS:
                self.is_ambiguous = True
                return False
            want = len(ways) - 1
            way = next(ways[-1], None)
            if way is None:
                ways.pop()
                if want > furthest:
                    furthest = want
                    self._misplaced = self._explained(want, chosen, places)
                if chosen:
                    chain, _, start = chosen.pop()
                    places[id(chain)] = start
                continue
            chain, position = way
            chosen.append((chain, position, places.get(id(chain), 0)))
            places[id(chain)] = position + 1
            if len(chosen) == self._count:
                return True
            ways.append(self._ways(want + 1, places))
        return False

    def _ways(self, want: int, places: Mapping[int, int]) -> Iterator[tuple[_Chain[T], int]]:
        starts = [(chain, chain.first(want, places.get(id(chain), 0))) for chain in self._chains_of.get(want, [])]
        return iter([(chain, position) for chain, position in starts if position is not None])

    def _explained(
        self, want: int, chosen: Sequence[tuple[_Chain[T], int, int]], places: Mapping[int, int]
    ) -> Misplaced[T] | None:
        for chain in self._chains_of.get(want, []):
            theirs = {position: number for number, (its, position, _) in enumerate(chosen) if its is chain}
            passed = [each for each in chain.positions[want] if each < places.get(id(chain), 0) and each not in theirs]
            if passed:
                last, position = passed[-1], max(theirs)
                earlier = theirs[position]
                return Misplaced(want, chain.kept[last].record, earlier, chain.kept[position].record)
        return None
