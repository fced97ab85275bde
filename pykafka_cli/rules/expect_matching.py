"""Matches records with wants: each want needs a different record, and a record may fit several wants.

Only relevant records are kept. If order does not matter, a record that cannot meet another want never will (the sets of
wants that can be met together are a matroid), so at most one record per want is kept. If it does, a record of a key is
dropped once no sequence of at most all wants needs it.
source    Kuhn's augmenting paths; the shortlex coordinates of Fleischer and Kufleitner (Testing Simon's congruence)
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MOST_STEPS = 200_000
"""Maximum steps of a search for an order: if wants fit records of several keys, there may be too many ways to try."""


class _Met(NamedTuple, Generic[T]):
    record: T
    fits: tuple[int, ...]


class Matching(Generic[T]):
    """A maximum matching of wants and records, in any order."""

    def __init__(self, wants: int) -> None:
        self._count = wants
        self._met: dict[int, _Met[T]] = {}
        self._closed: set[int] = set()  # met for good: none of their records fits any other want

    def offer(self, record: T, fits: Sequence[int]) -> bool:
        """Add a record that fits some wants; return whether one more want is met."""
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
        """Shift records along the path to a free want, each to the next want."""
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
        """The wants that the record of a met want fits."""
        return self._met[want].fits

    def is_closed(self, want: int) -> bool:
        """Whether no other record can improve it."""
        return want in self._closed

    @property
    def met(self) -> Mapping[int, T]:
        """The record of each want that is met."""
        return {want: each.record for want, each in sorted(self._met.items())}


class Misplaced(NamedTuple, Generic[T]):
    """A want that no record meets in order: those that fit it arrived before the record of an earlier want."""

    want: int
    record: T
    earlier: int
    earlier_record: T


class _Kept(NamedTuple, Generic[T]):
    record: T
    fits: tuple[int, ...]


class _Chain(Generic[T]):
    """The records of one key, which have to be in order."""

    def __init__(self, most: int) -> None:
        self.kept: list[_Kept[T]] = []
        self.positions: dict[int, list[int]] = {}
        self._most = most
        self._coordinates: dict[int, int] = {}

    def offer(self, record: T, fits: Sequence[int]) -> bool:
        """Keep a record if some sequence of at most `most` wants needs it."""
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
    """All wants, each met by another record, so that records of one key must have the order of their wants."""

    def __init__(self, wants: int) -> None:
        self._count = wants
        self._chains: dict[Hashable, _Chain[T]] = {}
        self._chains_of: dict[int, list[_Chain[T]]] = {}
        self._is_new = False
        self._misplaced: Misplaced[T] | None = None
        self._is_met = False
        self.is_ambiguous = False
        """Whether the last search was given up."""

    def offer(self, key: Hashable, record: T, fits: Sequence[int]) -> None:
        """Add a record, after all earlier ones with the same key.

        A want with records of as many keys as there are wants never blocks: one of the keys is free for it.
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
        """The first want without a record in order, from the last search."""
        return self._misplaced

    def _search(self) -> bool:
        """Assign each want in turn the earliest record of a key, and backtrack from dead ends."""
        self._misplaced, self.is_ambiguous = None, False
        steps, furthest = 0, -1
        chosen: list[tuple[_Chain[T], int, int]] = []  # for each want: chain, position, previous position of the chain
        places: dict[int, int] = {}  # by id of the chain: the first free position
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
