"""Cases and golden files: command lines, and what Kafka's own scripts made of them.

A case is YAML: `steps`, in order, each a `command` with `args`, and keys that say how to run and compare it, see
STEP_KEYS. `{bootstrap}`, `{sasl_bootstrap}`, `{controller}`, `{zookeeper}`, `{logdir}`, `{topic:NAME}`, `{group:NAME}`,
`{id:NAME}`, `{file:NAME}` and `{captured:NAME}` stand for values of the run. A golden file beside it holds the
outcomes, normalised; the recorder writes it:

    [3] topics --list --bootstrap-server {bootstrap}
    exit 0
    out|a line of stdout          out>the last line, when no line end follows it
    old                           what an older script printed follows in old| lines: the newer prints something broken
    err|a message on stderr       err~a note for the reader: warnings, causes, usage

Blanks at the end of a line and control characters have visible signs.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GOLDEN = Path(__file__).parents[2] / "cli" / "golden"
RUN_ID = "xxxxxx"
"""Stands for the random characters that keep one run's names apart from another's."""

CASE_KEYS = {"about", "generation", "brokers", "needs", "alone", "files", "steps"}
STEP_KEYS = {
    "command", "args", "stdin", "env", "timeout",  # what to run
    "background", "finish", "await_lines", "signal", "until",  # when, and for how long
    "save", "capture",  # what later steps need of it
    "lines", "unordered", "normalise", "compare", "stderr", "exit", "expect", "kafka_broken",  # how to compare
    "only", "why",
}  # fmt: skip

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
VOLATILE = [
    (_UUID, "uuuuuuuu-uuuu-uuuu-uuuu-uuuuuuuuuuuu"),
    (r"(TopicId: |Cluster ID: |topic ID )[\w-]{22}", r"\1<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,:]\d{3}", "<date>"),
    (r"\b1[5-9]\d{11}\b", "<ms>"),
    (r"console-consumer-\d+", "console-consumer-N"),
    (r"correlation id \d+", "correlation id N"),
    (r"(tries=|after )\d+(?=,| attempt)", r"\1N"),
    (r"(?<=[\w;])@[0-9a-f]{5,8}\b", "@hash"),
]
_JAVA_TRACE = re.compile(
    r"^(?:[a-z]\w*\.)+[A-Z][\w$]*: .*\n(?:\s+at .*\n|\s+\.\.\. .*\n|Caused by: .*\n)+\n?", re.MULTILINE
)
_EXCEPTION = re.compile(r"^(?:Exception in thread \"[^\"]+\" )?(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error)(?:: |$)")
_LOG_LINE = re.compile(r"^\[<date>\] ([A-Z]+) (.*?)(?: \([\w.$]+\))?$")
_LIBRARY = re.compile(
    r"^\[(?:Producer|Consumer|AdminClient) clientId=|^com\.fasterxml\.|^The consumer rebalance protocol \(KIP-848\) is "
)
_STACK = re.compile(r"^\s+at |^\s*\.\.\. \d+ more|^\s+Suppressed: |^SLF4J|^ ?\([\w.$]+\)$")
_OPTION = re.compile(r"^[\s│|]*(\*?)\s*(?:-\w,? )?(--[a-z][\w.-]*)(.*)", re.MULTILINE)


@dataclass
class Outcome:
    """What one step did, normalised. `stderr` is all of it with its blanks squeezed, where messages are looked up."""

    exit: int | str
    stdout: str
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stderr: str = ""
    older: str | None = None


Step = dict[str, Any]
Case = dict[str, Any]


def load_case(path: Path) -> Case:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    unknown = set(case) - CASE_KEYS | {key for step in case["steps"] for key in set(step) - STEP_KEYS}
    assert not unknown, f"{path}: unknown keys {sorted(unknown)}"
    return {"generation": "3.9", "brokers": 1, "needs": None, "alone": False, "files": {}, **case}


CASES = {path.stem: load_case(path) for path in sorted(GOLDEN.glob("*.yaml"))}
"""The cases recorded from Kafka 3.9 and older, by name."""
SHARED = [name for name, case in CASES.items() if not case["alone"] and not case["needs"]]
"""Those that may be run on one cluster, side by side."""
ALONE = [name for name, case in CASES.items() if case["alone"] and not case["needs"]]
WITH_ACLS = [name for name, case in CASES.items() if case["needs"] == "acls"]
"""Those that need a broker with users and an authorizer: tests/support/acl_brokers.py."""


def title(step: Step) -> str:
    if "finish" in step:
        return f"finish {step['finish']}"
    words = f"{step['command']} {' '.join(str(step.get('args', '')).split())}".strip()
    return f"{words} &{step['background']}" if "background" in step else words


# ---- golden files


def write_golden(path: Path, source: str, entries: list[tuple[str, Outcome]]) -> None:
    lines = [f"# Recorded from {source}; change the case, not this file."]
    for number, (name, outcome) in enumerate(entries, 1):
        lines += ["", f"[{number}] {name}", f"exit {outcome.exit}", *_tagged("out", outcome.stdout)]
        if outcome.older is not None:
            lines += ["old", *_tagged("old", outcome.older)]
        lines += [f"err|{_visible(line)}" for line in outcome.errors]
        lines += [f"err~{_visible(line)}" for line in outcome.notes]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_golden(path: Path) -> list[tuple[str, Outcome]]:
    entries: list[tuple[str, Outcome]] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        tag, value = line[:4], _invisible(line[4:])
        if head := re.match(r"\[\d+\] (.*)", line):
            entries.append((head[1], Outcome(0, "")))
        elif line.startswith("exit "):
            entries[-1][1].exit = int(line[5:])
        elif tag in ("out|", "out>"):
            entries[-1][1].stdout += value + ("\n" if tag == "out|" else "")
        elif tag in ("old", "old|", "old>"):
            entries[-1][1].older = (entries[-1][1].older or "") + value + ("\n" if tag == "old|" else "")
        elif tag == "err|":
            entries[-1][1].errors.append(value)
    return entries


def _tagged(tag: str, text: str) -> list[str]:
    *whole, rest = text.split("\n")
    return [f"{tag}|{_visible(line)}" for line in whole] + ([f"{tag}>{_visible(rest)}"] if rest else [])


def _visible(line: str) -> str:
    shown = "".join(chr(0x2400 + ord(c)) if c < " " and c != "\t" else c for c in line)
    body = shown.rstrip(" \t")
    return body + shown[len(body) :].replace(" ", "␠").replace("\t", "␉")


def _invisible(line: str) -> str:
    return "".join(chr(ord(c) - 0x2400) if "\u2400" <= c <= "\u2420" else c for c in line)


# ---- normalising


def fit(pattern: str, replacement: str, text: str) -> str:
    """Replace, taking the difference in length from the blanks that pad a table's cell."""

    def fitted(found: re.Match[str]) -> str:
        width = len(found[1]) + len(found[3]) - len(replacement)
        return replacement + found[2] + (" " * max(2, width) if found[3] else "")

    return re.sub(rf"({pattern})((?: {{1,2}}\(\d+\))?)( {{2,}}|)", fitted, text)


def outcome_of(status: int | str, stdout: str, stderr: str, step: Step) -> Outcome:
    """What is kept of a run whose values have been replaced by their placeholders."""
    stdout = _JAVA_TRACE.sub("", stdout)
    if step.get("compare") == "options":
        return Outcome(status, _options_in(stdout + stderr), stderr=squeeze(stdout + stderr))
    if "lines" in step:
        stdout = "".join(f"{line}\n" for line in stdout.split("\n") if re.search(step["lines"], line))
    errors, notes = _messages_in(stderr, stdout)
    return Outcome(status, stdout, errors, notes, squeeze(stderr))


def squeeze(text: str) -> str:
    """One line with single blanks; a word that was broken after a hyphen is whole again."""
    return " ".join(re.sub(r"(?<=[\w-]-)\n *|(?<=\s-)\n *", "", text).split())


def _options_in(text: str) -> str:
    found = _OPTION.findall(text)
    required = {name for star, name, rest in found if star or "REQUIRED" in rest}
    return "".join(f"{name}{' *' if name in required else ''}\n" for name in sorted({name for _, name, _ in found}))


def _messages_in(stderr: str, stdout: str) -> tuple[list[str], list[str]]:
    """Messages that matter, and the rest: no traces, no usage, no log prefixes, no class names."""
    usage_begins = re.search(r"^Option +.*\n-{6}", stderr, re.MULTILINE)
    head = stderr[: usage_begins.start()] if usage_begins else stderr
    has_usage = bool(usage_begins)
    if parsed := re.search(r"^usage: (?:.|\n)*?:\s+error:\s+((?:.|\n)*)", head, re.MULTILINE):
        head, has_usage = head[: parsed.start()] + squeeze(parsed[1]), True
    errors: list[str] = []
    notes: list[str] = []
    for line in head.split("\n"):
        if not line.strip() or _STACK.search(line):
            continue
        log = _LOG_LINE.match(line)
        text = log[2] if log else line
        is_note = (
            bool(log and log[1] in ("WARN", "INFO")) or bool(_LIBRARY.match(text)) or text.startswith("Caused by: ")
        )
        while stripped := _EXCEPTION.match(text):
            text = text[stripped.end() :]
        text = text.strip()
        if not text or is_note or text in stdout:
            notes.append(f"{log[1]} {text}" if log else line.strip())
        elif text not in errors:
            errors.append(text)
    return errors, list(dict.fromkeys(notes + (["<usage>"] if has_usage else [])))


# ---- comparing


def differences(step: Step, recorded: Outcome, actual: Outcome) -> Iterator[str]:
    """How what pk did differs from what it owes: what was recorded, unless the step says otherwise."""
    by_hand = step.get("expect", {})
    owed = by_hand.get("stdout", recorded.stdout if recorded.older is None else recorded.older)
    patterns = by_hand.get("stderr", step.get("stderr", [re.escape(squeeze(line)) for line in recorded.errors]))
    status = by_hand.get("exit", step.get("exit", recorded.exit))
    want, got = _lines(owed), _lines(actual.stdout)
    if step.get("compare") == "options":
        want = [line.split()[0] + "\n" for line in want]
        got = [line for line in want if re.search(rf"{re.escape(line.strip())}(?![\w.-])", actual.stderr)]
    elif step.get("unordered"):
        want, got = sorted(want), sorted(got)
    for line in difflib.unified_diff(want, got, "expected stdout", "actual stdout"):
        yield _visible(line.rstrip("\n"))
    for pattern in patterns:
        if not re.search(pattern, actual.stderr):
            yield f"stderr lacks /{pattern}/; it was: {actual.stderr[:2000] or '(empty)'}"
    if "Traceback (most recent call last)" in actual.stderr:
        yield f"stderr holds a traceback: {actual.stderr[-500:]}"
    if (status == "nonzero" and actual.exit in (0, "timeout")) or status not in ("nonzero", "any", actual.exit):
        yield f"exit {actual.exit}, expected {status}; stderr: {actual.stderr[:1000]}"


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
