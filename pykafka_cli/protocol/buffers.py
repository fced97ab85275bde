"""Types of byte buffers."""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
