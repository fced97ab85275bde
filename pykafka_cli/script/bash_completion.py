"""Completion in bash, which takes HOST:PORT for three words: `:` and `=` break words there.

So the line is read as a whole, and only what follows the last such break is handed back: that is what bash replaces.
"""

import os

from typer import _completion_shared
from typer._click.shell_completion import CompletionItem, add_completion_class, split_arg_string
from typer._completion_classes import BashComplete

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


class LineComplete(BashComplete):
    """Answers to COMP_LINE, up to the cursor, and _PK_WORDBREAKS (a shim in bash would lose COMP_WORDBREAKS)."""

    source_template = SCRIPT
    _kept = ""
    """The part of the word before the cursor that bash leaves as it is."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        unfinished = words.pop() if words and not line[-1].isspace() else ""
        last_break = max(map(unfinished.rfind, os.environ.get("_PK_WORDBREAKS", "")), default=-1)
        self._kept = unfinished[: last_break + 1]
        return words[1:], unfinished

    def format_completion(self, item: CompletionItem) -> str:
        return str(item.value).removeprefix(self._kept)


def install() -> None:
    """Have `pk` answer bash this way, and show and install the script that asks so."""
    add_completion_class(LineComplete, SHELL)
    _completion_shared._completion_scripts[SHELL] = SCRIPT
