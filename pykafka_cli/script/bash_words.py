"""The words of a command line that bash completes: it breaks them at `:` and `=`, so that HOST:PORT comes as three.

Typer's script passes COMP_WORDS, one word per line, and COMP_CWORD, the index of the word to complete. This module
joins
the words, and returns of each completion only what follows the last break, which is what bash replaces.
"""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

BREAKS = frozenset(":=@")
"""The characters at which bash breaks words that occur within words of `pk`."""


@contextmanager
def joined_words() -> Iterator[None]:
    """Let Typer complete the words as they were typed.

    Variables of other shells, which do not use COMP_WORDS, stay unchanged.
    """
    broken = os.environ.get("COMP_WORDS")
    if broken is None:
        yield
        return
    words, index, prefix = join(broken.split("\n"), int(os.environ.get("COMP_CWORD", 0)))
    os.environ |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(index)}
    completions = io.StringIO()
    try:
        with redirect_stdout(completions):
            yield
    finally:
        for completion in completions.getvalue().splitlines():
            print(completion.removeprefix(prefix))


def join(broken: Sequence[str], index: int) -> tuple[list[str], int, str]:
    """Return the joined words, the index of the one to complete, and how much of it bash keeps.

    broken    COMP_WORDS
    index     of the word to complete in `broken`; len(broken) for a new one
    """
    words: list[str] = []
    joined_index, prefix = len(broken), ""
    for position, word in enumerate(broken[: index + 1]):
        follows_break = word != "" and _is_break(broken[position - 1])  # an empty word comes after a space
        continues = len(words) > 1 and (_is_break(word) or follows_break)
        kept = words.pop() if continues else ""
        words.append(kept + word)
        joined_index, prefix = len(words) - 1, words[-1] if _is_break(word) else kept
    return words, joined_index, prefix


def _is_break(word: str) -> bool:
    return bool(word) and BREAKS.issuperset(word)
