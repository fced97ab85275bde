"""Pages of docs/ that tests run: the commands of their ```console blocks, and the files that they show."""

import re
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass
class Step:
    """One command of a page: what is typed into it, and what it prints.

    servers_before    commands of ```sh blocks that stand before it, and run in other terminals
    """

    command: str
    typed: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    servers_before: list[str] = field(default_factory=list)


def steps_of(text: str) -> list[Step]:
    """The commands of all ```console blocks, in order."""
    steps: list[Step] = []
    servers: list[str] = []
    for kind, block in re.findall(r"^```(console|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if kind == "sh":
            servers += block.splitlines()
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], servers_before=servers))
                servers = []
            elif line.startswith("> "):
                steps[-1].typed.append(line[2:])
            else:
                steps[-1].printed.append(line)
    return steps


def pattern_of(printed: list[str]) -> str:
    """A regular expression for the printed lines: `...` is anything within a line, alone any lines."""
    return "".join(
        r"(?:[^\n]*\n)*" if line == "..." else r"[^\n]*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in printed
    )


def files_of(text: str) -> dict[str, str]:
    """The files that a page shows, by the name in the title of their block."""
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', text, re.MULTILINE | re.DOTALL))
