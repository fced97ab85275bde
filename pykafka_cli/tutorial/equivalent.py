"""Whether a typed command is that of a step, for steps whose effect cannot be seen on the cluster.

A script may be called by each of its names, and another program that does the same counts as well.
"""

import re
import shlex
from collections.abc import Container, Iterator

ALSO = {
    "console-consumer": (("kcat", "-C"), ("kafkacat", "-C"), ("kcat", "-G"), ("kafkacat", "-G"), ("kcl", "consume")),
    "zookeeper-shell": (("zkCli", ""), ("zk-shell", "")),
}
"""Other programs by script, with a word that their command line must contain."""

WRAPPERS = frozenset({"time", "timeout", "env", "exec", "command", "nohup"})


def is_equivalent(typed: str, wanted: str) -> bool:
    """Whether one of the commands in a line does what the step's command does: with its script, and with its topic."""
    (*_, command) = commands_of(wanted)
    script, topic = script_of(command), _topic_of(command)
    for words in commands_of(typed):
        name = _program(words)
        also = any(name == program and (not word or word in words) for program, word in ALSO.get(script, ()))
        if script and (script_of(words) == script or also):
            return not topic or not {topic, f"--topic={topic}", f"-t{topic}"}.isdisjoint(words)
    return False


def missing_pk(typed: str, commands: Container[str]) -> str:
    """The line with the missing `pk` added; empty if that is not its mistake."""
    first = typed.split(maxsplit=1)[:1]
    return f"pk {typed.strip()}" if first and first[0] in commands else ""


def stays_in_front(typed: str) -> bool:
    """Whether the prompt returns only when the command ends."""
    return not typed.rstrip().endswith("&")


def commands_of(line: str) -> list[list[str]]:
    """The words of each command of a pipe or list; one command without words if a shell could not parse the line."""
    return list(_commands(line)) or [[]]


def _commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if re.fullmatch(r"[|&;()]+", word):
                if words:
                    yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quotation without an end
        return
    if words:
        yield words


def script_of(words: list[str]) -> str:
    """The command of pk in the words of a command, without the `kafka-` and `.sh` of Kafka's names."""
    while words and (words[0] in WRAPPERS or re.fullmatch(r"\w+=.*|\d+", words[0])):
        words = words[1:]
    name = _program(words)
    if name == "pk":
        name = words[1] if len(words) > 1 else ""
    return name.removesuffix(".sh").removeprefix("kafka-")


def _program(words: list[str]) -> str:
    return words[0].rsplit("/", 1)[-1].removesuffix(".sh") if words else ""


def _topic_of(words: list[str]) -> str:
    return words[words.index("--topic") + 1] if "--topic" in words[:-1] else ""
