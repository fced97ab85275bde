"""What bytes come in and go out in."""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
