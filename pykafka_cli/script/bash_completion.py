"""Completion in bash, which takes HOST:PORT for three words: `:` and `=` break words there.

So the line is read as a whole, and only what follows the last such break is handed back: that is what bash replaces.
"""

import io
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from typer import _completion_shared

SHELL = "bash"
SCRIPT = """\
%(complete_func)s() {
    local IFS=$'\\n'
    COMPREPLY=( $( env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" _PK_WORDBREAKS="$COMP_WORDBREAKS" \\
                   %(autocomplete_var)s=complete_bash $1 ) )
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""


def install() -> None:
    """Have `pk` show and install the script that asks so. Typer has no public name for where its own one is."""
    _completion_shared._completion_scripts[SHELL] = SCRIPT


@contextmanager
def asked() -> Iterator[None]:
    """Let Typer answer as to its own script: hand it the words of COMP_LINE, and take from each response what bash
    keeps.

    _PK_WORDBREAKS is what bash breaks words at; a shim in bash would lose COMP_WORDBREAKS.
    """
    line = os.environ.get("COMP_LINE")
    if line is None:
        yield
        return
    words = words_of(line)
    unfinished = words.pop() if words and not line[-1].isspace() else ""
    os.environ |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    last_break = max(map(unfinished.rfind, os.environ.get("_PK_WORDBREAKS", "")), default=-1)
    kept = unfinished[: last_break + 1]
    answers = io.StringIO()
    try:
        with redirect_stdout(answers):
            yield
    finally:
        for answer in answers.getvalue().splitlines():
            print(answer.removeprefix(kept))


def words_of(line: str) -> list[str]:
    """The words of a command line, of which the last may be unfinished inside of quotes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # no closing quotation
        words.append(lexer.token)
    return words
