"""The index that stands at a built program's end."""

import marshal
from typing import Any


def index_of(whole: bytes) -> dict[str, Any]:
    position, size = (int.from_bytes(whole[end - 8 : end], "little") for end in (len(whole) - 8, len(whole)))
    index: dict[str, Any] = marshal.loads(whole[position : position + size])
    return index
