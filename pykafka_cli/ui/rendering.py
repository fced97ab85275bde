"""Documents as HTML, with the templates of this package."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from pykafka_cli.model import Timestamp
from pykafka_cli.ui.paging import rows_of

_COLORS = 8


def templates() -> Environment:
    """The templates: all text is escaped, and a misspelled name is an error."""
    environment = Environment(
        loader=PackageLoader("pykafka_cli.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = grouped
    environment.filters["moment"] = moment
    environment.globals["link"] = link
    environment.globals["rows_of"] = rows_of
    environment.globals["color_of"] = color_of
    environment.globals["share"] = share
    environment.globals["most"] = most
    environment.globals["points"] = points
    environment.filters["clock"] = clock
    environment.filters["bytes"] = in_bytes
    environment.filters["indented"] = indented
    return environment


def grouped(number: int | None) -> str:
    """A number with commas between thousands; a dash for None."""
    return "–" if number is None else f"{number:,}"


def in_bytes(number: int) -> str:
    """With a unit of a thousand, a million, ..."""
    size, units = float(number), ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"


def indented(text: str) -> str:
    """JSON with line ends; other text as it is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(found, indent=2, ensure_ascii=False) if isinstance(found, (dict, list)) else text


def moment(timestamp_ms: Timestamp | None) -> str:
    """Milliseconds since the epoch, as a date and time in UTC."""
    if timestamp_ms is None or timestamp_ms < 0:
        return "–"
    try:
        found = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
    return found.strftime("%Y-%m-%d %H:%M:%S.") + f"{timestamp_ms % 1000:03d}Z"


def link(path: str, /, **query: Any) -> str:
    """An address with the given query parameters."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def color_of(index: int) -> str:
    """The class of the color for the nth of several brokers or members."""
    return f"c{index % _COLORS}"


def share(part: int, whole: int, width: int) -> float:
    """The length of a bar for a part of a whole."""
    return 0.0 if whole <= 0 else round(width * max(0, min(part, whole)) / whole, 2)


def most(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    """The largest value of that name, 0 without values."""
    return max((row[name] or 0 for row in rows), default=0)


def points(samples: Sequence[Mapping[str, Any]], name: str, width: int, height: int) -> str:
    """The points of a line through samples, the last on the right, scaled to the largest."""
    top = max(1, most(samples, name))
    room = height - 2
    step = width / max(1, len(samples) - 1)
    return " ".join(
        f"{index * step:.1f},{1 + room - room * (sample[name] or 0) / top:.1f}" for index, sample in enumerate(samples)
    )


def clock(timestamp_ms: Timestamp) -> str:
    """The time of day, in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%H:%M:%S")
