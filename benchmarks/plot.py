"""Draws the curves of a table into one SVG, a panel for each, pk beside Apache Kafka."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.table import PEERS, Curve

COLUMNS = 3
PANEL_INCHES = (3.5, 2.6)
STYLES = {"pk": ("#0b6e99", "o"), "kafka": ("#b5541c", "s")}
WIDE_RANGE = 30  # largest to smallest value from which the y axis is logarithmic

Points = Mapping[str, Sequence[tuple[int, float]]]


def draw(curves: Mapping[Curve, Points], path: Path) -> None:
    """Write the SVG; text stays text, and equal curves give an equal file."""
    rows = math.ceil(len(curves) / COLUMNS)
    size = (PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows)
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "pk",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],  # what a browser without it has is narrower
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
        }
    ):
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(rows, COLUMNS, squeeze=False)
        for panel in panels.flat[len(curves) :]:
            panel.remove()
        for panel, (curve, points) in zip(panels.flat, curves.items(), strict=False):
            _draw_panel(panel, curve, points)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_panel(panel: Axes, curve: Curve, points: Points) -> None:
    for peer, line in points.items():
        colour, marker = STYLES[peer]
        panel.plot(
            *zip(*line, strict=True), color=colour, marker=marker, markersize=4, linewidth=1.6, label=PEERS[peer]
        )
    panel.set_title(curve.title)
    panel.set_xlabel(curve.x)
    panel.set_ylabel(curve.y)
    numbers = sorted({x for line in points.values() for x, _ in line})
    panel.set_xscale("symlog", linthresh=1) if 0 in numbers else panel.set_xscale("log")
    panel.set_xticks(numbers, [f"{number:,}" for number in numbers])
    panel.xaxis.set_minor_locator(NullLocator())
    figures = [y for line in points.values() for _, y in line]
    if min(figures) > 0 and max(figures) / min(figures) > WIDE_RANGE:
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
    else:
        panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter(FuncFormatter(_tick))
    panel.legend(frameon=False, fontsize=8)


def _tick(figure: float, _position: int) -> str:
    return f"{figure:,.0f}" if figure >= 10 or figure == 0 else f"{figure:g}"
