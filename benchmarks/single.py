"""What is measured once a bench, on servers of its own: how costs grow, starts with much to read, inner rates.

A measurement gets the servers stopped, on a folder that nobody else uses, and starts them itself.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from benchmarks.servers import Servers
from benchmarks.table import Curve, Row
from benchmarks.tools import Bench

Note = Callable[[Curve, int, float], None]
"""Called with each point of a curve as soon as it is measured."""


class SingleMeasurement(NamedTuple):
    """`run` gives one figure for each of `rows` in turn; what is not there within `limit_s` is given up."""

    rows: Sequence[Row]
    run: Callable[[Bench, Servers, Note], Iterable[float]]
    needs: Sequence[str] = ()
    limit_s: float = 300
