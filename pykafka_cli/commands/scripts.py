"""`pk scripts install DIR`: small shell scripts with Kafka's names that call pk."""

import importlib
import inspect
import shlex
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pykafka_cli import __version__
from pykafka_cli.commands import COMMANDS, SECTIONS
from pykafka_cli.output.man_page import ManualPage, roff
from pykafka_cli.output.scripts import print_completion, print_installed, print_pages
from pykafka_cli.script.absent_scripts import ABSENT_SCRIPTS
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.own_command import PlainOwnCommand
from pykafka_cli.servers.program import own_command
from pykafka_cli.text_files import write_text

CUB = "cub"
"""The script of Confluent's images that waits for servers, with its command kafka-ready."""

_CUB = """\
#!/bin/sh
# cub kafka-ready -b HOST:PORT [-c FILE] BROKERS SECONDS
stop() {{ printf '%s\\n' "$1" >&2; exit 2; }}
[ "$1" = kafka-ready ] || stop "Of cub, pk has kafka-ready: cub kafka-ready -b HOST:PORT [-c FILE] BROKERS SECONDS"
shift
brokers= seconds= servers= config=
while [ $# -gt 0 ]; do
  case $1 in
    -b | --bootstrap-servers | --bootstrap_broker_list) servers=$2; shift ;;
    -c | --config) config=$2; shift ;;
    -s | --security-protocol) shift ;; # what needs one has it in its -c FILE
    -z | --zookeeper_connect | --zookeeper-connect) stop "Name brokers instead of ZooKeeper: -b HOST:PORT" ;;
    -*) stop "cub kafka-ready has no option $1" ;;
    *) if [ -z "$brokers" ]; then brokers=$1; else seconds=$1; fi ;;
  esac
  [ $# -eq 0 ] || shift
done
[ -n "$servers" ] && [ -n "$seconds" ] || stop "cub kafka-ready needs -b HOST:PORT BROKERS SECONDS"
set -- --bootstrap-server "$servers" ${{config:+--command-config "$config"}} --timeout "$seconds"
exec {pk} wait "$@" "broker=$brokers"
"""


class Shell(StrEnum):
    """Shells that complete the options and values of the scripts."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_COMPLETION = {
    Shell.BASH: """\
_pk_script_completion() {{
  local words=(pk "${{1##*/}}" "${{COMP_WORDS[@]:1}}") IFS=$'\\n'
  COMPREPLY=($(COMP_WORDS="${{words[*]}}" COMP_CWORD=$((COMP_CWORD + 1)) _PK_COMPLETE=complete_bash {pk}))
}}
complete -o default -F _pk_script_completion {names}
""",
    Shell.ZSH: """\
_pk_script_completion() {{
  eval $(_TYPER_COMPLETE_ARGS="pk ${{words[1]:t}} ${{words[2,CURRENT]}}" _PK_COMPLETE=complete_zsh {pk})
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
compdef _pk_script_completion {names}
""",
    Shell.FISH: """\
function __pk_script_completion
  set -lx _PK_COMPLETE complete_fish
  set -lx _TYPER_COMPLETE_FISH_ACTION get-args
  set -lx _TYPER_COMPLETE_ARGS pk\\ (commandline -cp | string replace -r '^\\s*(\\S*/)?' '')
  set -l found ({pk})
  test (count $found) -gt 0; and string join \\n -- $found; or __fish_complete_path (commandline -ct)
end
for name in {names}
  complete --command $name --no-files --arguments '(__pk_script_completion)'
end
""",
}
"""For each shell, a function by which pk completes the line of a script like that of its own command."""

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def scripts() -> None:
    """Call pk by the names of Kafka's scripts."""


@app.command(cls=PlainOwnCommand)
def install(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Directory to write to; created if it does not exist.")
    ],
) -> None:
    """Write kafka-topics.sh, kafka-topics and all the others to DIR, which should be in your PATH."""
    present = {entry.script: wrapper(name) for name, entry in COMMANDS.items() if entry.script}
    texts = {name: pointer(sentence) for name, sentence in ABSENT_SCRIPTS.items()} | present
    files = {name: text for script, text in texts.items() for name in (f"{script}.sh", script)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in {**files, CUB: ready_script()}.items():
            write_text(directory / name, text)
            (directory / name).chmod(0o755)
    except OSError as error:
        raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None
    print_installed(directory, 2 * len(present), CUB, sorted(texts.keys() - present))


@app.command(cls=PlainOwnCommand)
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="[SHELL]", help="bash (the default), zsh, or fish.")] = Shell.BASH,
) -> None:
    """Print what lets a shell complete after kafka-topics.sh and the others.

    \b
    In ~/.bashrc:                    eval "$(pk scripts completion)"
    In ~/.zshrc:                     eval "$(pk scripts completion zsh)"
    In ~/.config/fish/config.fish:   pk scripts completion fish | source
    """
    present = sorted(entry.script for entry in COMMANDS.values() if entry.script)
    names = " ".join(name for script in present for name in (f"{script}.sh", script))
    print_completion(_COMPLETION[shell].format(pk=shlex.join(own_command()), names=names))


@app.command(cls=PlainOwnCommand)
def man(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Directory to write to, such as ~/.local/share/man.")
    ],
) -> None:
    """Write manual pages, for `man pk-topics` and `man kafka-topics.sh`."""
    pages = {page.name: roff(page, __version__) for page in manual_pages()}
    links = {
        name: f".so man1/pk-{command}.1\n"
        for command, entry in COMMANDS.items()
        if entry.script
        for name in (f"{entry.script}.sh", entry.script)
    }
    section = directory / "man1"
    try:
        section.mkdir(parents=True, exist_ok=True)
        for name, text in (pages | links).items():
            write_text(section / f"{name}.1", text)
    except OSError as error:
        raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None
    print_pages(section, len(pages), len(links))


def manual_pages() -> Iterator[ManualPage]:
    """A page for pk, one for each command, and one for each verb of those that have verbs."""
    listed = {
        section: [(f"pk {name}", entry.help) for name, entry in COMMANDS.items() if entry.section == section]
        for section in SECTIONS
    }
    yield ManualPage("pk", "Kafka's command line, a broker and a ZooKeeper server", "pk COMMAND [OPTIONS]", "", listed)
    for name, entry in COMMANDS.items():
        command = typer.main.get_command(importlib.import_module(f"pykafka_cli.commands.{entry.module}").app)
        yield _manual_page(f"pk {name}", entry.help, command)
        for verb, subcommand in _verbs(command):
            yield _manual_page(f"pk {name} {verb}", subcommand.get_short_help_str(limit=200), subcommand)


def _manual_page(called: str, summary: str, command: Any) -> ManualPage:
    context = typer.Context(command, info_name=called)
    options: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(context):
        if record := param.get_help_record(context):
            options.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(record)
    verbs = [(f"{called} {verb}", each.get_short_help_str(limit=200)) for verb, each in _verbs(command)]
    usage = " ".join([called, *command.collect_usage_pieces(context)])
    shown = {"Commands": verbs} if verbs else {}
    return ManualPage(called.replace(" ", "-"), summary, usage, inspect.cleandoc(command.help or ""), shown | options)


def _verbs(command: Any) -> list[tuple[str, Any]]:
    return list(getattr(command, "commands", {}).items())


def wrapper(command: str) -> str:
    """The text of one script."""
    return f'#!/bin/sh\nexec {shlex.join(own_command())} {command} "$@"\n'


def pointer(sentence: str) -> str:
    """The text of a script that pk has no command for."""
    return f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(sentence)} >&2\nexit 1\n"


def ready_script() -> str:
    """The text of cub."""
    return _CUB.format(pk=shlex.join(own_command()))
