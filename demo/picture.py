"""Records docs/terminal.svg: a session of `pk` with its servers, run on a terminal and drawn by rich.

python -m demo.picture
"""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from demo.terminal import COMMAND_TIMEOUT_S, PK, WrongResult, servers

PICTURE = Path(__file__).resolve().parent.parent / "docs/terminal.svg"
LINES, COLUMNS = 40, 92
SESSION = (
    "pk topics --create --topic orders --partitions 2",
    "seq 1000 | pk console-producer --topic orders",
    "pk topics --describe --topic orders",
    "pk console-consumer --topic orders --group billing --from-beginning --max-messages 3",
    "pk consumer-groups --describe --group billing",
    "pk get-offsets --topic orders --output yaml",
)
THEME = TerminalTheme(
    background=(24, 26, 31),
    foreground=(214, 218, 224),
    normal=[
        (24, 26, 31),
        (224, 108, 117),
        (140, 194, 101),
        (209, 154, 102),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (171, 178, 191),
    ],
)
# rich's own template loads a font from elsewhere; this one asks for what the reader's machine has.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" xml:space="preserve">
<title>A session of pk in a terminal</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
.{unique_id}-matrix {{ font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font: 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    with servers() as listening:
        shown = record(SESSION, listening.bootstrap)
    PICTURE.write_text(drawn(shown))
    print(f"Wrote {PICTURE}")


def record(session: Iterable[str], bootstrap: str) -> str:
    """What a terminal shows of the commands of `session`, with its escape sequences.

    raises    WrongResult when a command fails
    """
    return "\n\n".join(
        f"\x1b[1;32m$\x1b[0m \x1b[1m{line}\x1b[0m\n{on_terminal(line, bootstrap)}".rstrip() for line in session
    )


def on_terminal(line: str, bootstrap: str) -> str:
    """Run `line` in a shell on a new terminal; return what it prints there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = {
        "PATH": f"{PK.parent}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PK_BOOTSTRAP_SERVER": bootstrap,
    }
    with subprocess.Popen(["sh", "-c", line], stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        printed = read_to_end(ours)
        status = process.wait(COMMAND_TIMEOUT_S)
    if status != 0:
        raise WrongResult(f"`{line}` left with status {status}:\n{printed}")
    return printed.replace("\r\n", "\n")


def read_to_end(terminal: int) -> str:
    chunks: list[bytes] = []
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        while True:
            try:
                chunk = stream.read(65536)
            except OSError:  # EIO: Linux reports the end of a terminal this way
                break
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks).decode()


def drawn(shown: str) -> str:
    """The same as SVG."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown), soft_wrap=True)
    return console.export_svg(title="pk", theme=THEME, code_format=FORMAT, unique_id="pk")


if __name__ == "__main__":
    main()
