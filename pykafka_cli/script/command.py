"""One Typer command that behaves as a kafka-*.sh script: its grammar, its errors, --help and --version.

A command's module declares a Typer function as usual and names one of the two classes here as `cls`. grammar.py parses
the words before Click sees them, so Click never has to guess. The function's ScriptContext has what the scripts ask of
their parser: which options were on the command line, whatever their values.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.script import COMPLETION_VARIABLE
from pykafka_cli.script.errors import ScriptError, UnreadableValue, UsageProblem
from pykafka_cli.script.grammar import (
    WHICH_CLUSTER,
    Given,
    Parsed,
    Spec,
    Takes,
    Unparsable,
    displayed,
    parse_argparse,
    parse_jopt,
    suggestions,
)

HELP_WIDTH = 100
VERSION_HELP = "Print Kafka's version."


class OptionalValue:
    """Parser of an option whose value is optional; `without` stands for a missing one."""

    def __init__(self, inner: Callable[[Any], Any] = str, *, without: str = "") -> None:
        self.inner = inner
        self.without = without
        self.__name__ = inner.__name__

    def __call__(self, value: Any) -> Any:
        return self.inner(value)


class SeveralValues:
    """Parser of an option of an ArgparseCommand that takes all words up to the next option; the parameter is a list."""

    __name__ = "str"

    def __call__(self, value: Any) -> str:
        return str(value)


class ScriptContext(typer.Context):
    """The context of a command function, for a parameter that is annotated with this class."""

    given: frozenset[str] = frozenset()
    """Names, without dashes, of the options on the command line: jopt-simple's `options.has`."""
    spelled: frozenset[str] = frozenset()
    """The same, by the names that were used if an option has several."""
    order: tuple[str, ...] = ()
    """The same in the order of the command line, repetitions included."""
    words: tuple[str, ...] = ()
    """The command line, unparsed."""
    unreadable: UnreadableValue | None = None

    def usage_problem(self, message: str, *, hint: str = "") -> UsageProblem:
        """The message followed by the usage line; to be raised."""
        return UsageProblem(message, f"{self.get_usage()}\n`{self.command_path} --help` lists the options.", hint=hint)

    def read_values(self) -> None:
        """Raise UnreadableValue if a value could not be parsed; for commands with `defers_values`."""
        if self.unreadable:
            raise self.unreadable

    def read_value(self, option: str) -> None:
        """The same, for one option that is read before the others."""
        if self.unreadable and self.unreadable.option == option:
            raise self.unreadable


class ScriptCommand(TyperCommand):
    """A script that parses with jopt-simple.

    Subclass it in the command's module for what differs there.
    """

    context_class = ScriptContext

    without_arguments: ClassVar[str] = ""
    """The message above the help on stderr if there are no arguments at all; empty: there is none."""
    parse_error_prefix: ClassVar[str] = ""
    parse_error_shows_usage: ClassVar[bool] = True
    has_version: ClassVar[bool] = True
    version_text: ClassVar[str] = KAFKA_VERSION
    defers_values: ClassVar[bool] = False
    """The function calls ctx.read_values() itself, once it has checked which options go together."""
    never_abbreviated: ClassVar[Collection[str]] = ()
    """Options, without dashes, that Kafka's script does not have and that have to be given in full."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.context_settings = {"max_content_width": HELP_WIDTH, **self.context_settings}
        self.rich_markup_mode = None
        if COMPLETION_VARIABLE in os.environ:
            self._complete_values()
        if self.has_version:
            self.params.append(
                TyperOption(
                    param_decls=["--version"], is_flag=True, default=False, expose_value=False, help=VERSION_HELP
                )
            )

    def _complete_values(self) -> None:
        from pykafka_cli.script.completion import COMPLETED_OPTIONS

        for param in self.params:
            if names := COMPLETED_OPTIONS.get(param.opts[0]):
                completed = TyperOption(param_decls=list(param.opts), autocompletion=names)
                param.shell_complete = completed.shell_complete  # type: ignore[method-assign]

    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        """Parse words by this script's grammar; stray words are dropped unless the function has arguments."""
        parsed = parse_jopt(words, specs)
        takes_words = any(isinstance(param, TyperArgument) for param in self.params)
        return parsed if takes_words else Parsed(parsed.options, [])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:
            with suppress(ScriptError):
                self._default_to_named_cluster(ctx, {word.lstrip("-").partition("=")[0] for word in args})
            return super().parse_args(ctx, args)
        script = cast(ScriptContext, ctx)
        script.words = tuple(args)
        if not args and self.without_arguments:
            raise UsageProblem(self.without_arguments, self.get_help(ctx))
        options = [param for param in self.get_params(ctx) if isinstance(param, TyperOption)]
        params = {_spec(param, self.never_abbreviated): param for param in options}
        try:
            parsed = self.parse(args, list(params))
        except Unparsable as problem:
            raise self.parse_error(script, problem) from None
        script.order = tuple(option.spec.name for option in parsed.options)
        script.given = frozenset(script.order)
        script.spelled = frozenset(option.spelling or option.spec.name for option in parsed.options)
        if "help" in script.given:
            print(self.get_help(ctx))
            ctx.exit()
        if "version" in script.given:
            print(self.version_text)
            ctx.exit()
        self._default_to_named_cluster(ctx, script.given)
        rest = super().parse_args(ctx, [*self._readable(script, parsed.options, params), "--", *parsed.words])
        if not self.defers_values:
            script.read_values()
        return rest

    def parse_error(self, ctx: ScriptContext, problem: Unparsable) -> ScriptError:
        """How this script reports that it cannot parse its command line."""
        message = f"{self.parse_error_prefix}{problem}"
        if not self.parse_error_shows_usage:
            return ScriptError(message, hint=problem.hint)
        return ctx.usage_problem(message, hint=problem.hint)

    def unreadable_value(self, spec: Spec, values: Sequence[str], *, repeated: bool) -> UnreadableValue | None:
        """How this script reports that a value cannot be parsed; None if a repeated one is fine and the last counts."""
        if repeated:
            text = f"Found multiple arguments for option {spec.name}, but you asked for only one"
            return UnreadableValue(text, spec.name)
        choices = ", ".join(self._choices(spec))
        hint = f"It is one of {choices}." if choices else ""
        return UnreadableValue(f"Cannot parse argument '{values[-1]}' of option {spec.name}", spec.name, hint=hint)

    def _choices(self, spec: Spec) -> Sequence[str]:
        """The allowed values of an option; empty if any value is allowed."""
        (param,) = (param for param in self.params if f"--{spec.name}" in param.opts)
        return getattr(param.type, "choices", ())

    def _readable(self, ctx: ScriptContext, given: list[Given], params: dict[Spec, TyperOption]) -> list[str]:
        """Options that Click can convert without error; the first one that cannot be is stored in the context."""
        values: dict[Spec, list[str]] = defaultdict(list)
        for spec, value, _ in given:
            optional = _parser(params[spec])
            values[spec].append(
                optional.without if value is None and isinstance(optional, OptionalValue) else value or ""
            )
        words: list[str] = []
        for spec, texts in values.items():
            param, problem = params[spec], None
            if spec.takes is Takes.NOTHING:
                words.append(param.opts[0])
                continue
            if len(texts) > 1 and not param.multiple:
                problem = self.unreadable_value(spec, texts, repeated=True)
            if not problem and not all(_converts(param, text) for text in texts):
                problem = self.unreadable_value(spec, texts, repeated=False)
            ctx.unreadable = ctx.unreadable or problem
            if not problem:
                words.extend(f"{param.opts[0]}={text}" for text in texts)
        return words

    def _default_to_named_cluster(self, ctx: Any, given: Collection[str]) -> None:
        """If neither command line nor environment names a cluster, use the current one of `pk config`.

        raises    ScriptError
        """
        options = {opt: param for param in self.get_params(ctx) for opt in param.opts if isinstance(param, TyperOption)}
        addresses = options.get("--bootstrap-server")
        naming = {spelling for name in WHICH_CLUSTER if (param := options.get(f"--{name}")) for spelling in param.opts}
        if not addresses or naming & {f"--{name}" for name in given} or addresses.resolve_envvar_value(ctx):
            return
        from pykafka_cli.clients.named_clusters import chosen_cluster
        from pykafka_cli.clients.settings import BadClientSetting

        try:
            cluster = chosen_cluster()
        except BadClientSetting as error:
            raise ScriptError(str(error)) from None
        if cluster:
            defaults = {addresses: cluster.bootstrap_server, options.get("--command-config"): cluster.command_config}
            ctx.default_map = {param.name: value for param, value in defaults.items() if param and param.name}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then options under the headings that `rich_help_panel` names, in the order of the function."""
        sections: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for param in self.get_params(ctx):
            heading = "Arguments" if isinstance(param, TyperArgument) else "Options"
            if record := param.get_help_record(ctx):
                sections[getattr(param, "rich_help_panel", None) or heading].append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class ArgparseCommand(ScriptCommand):
    """A script that parses with argparse4j."""

    has_version = False

    subcommands: ClassVar[tuple[str, ...]] = ()
    """The words of which one must be given; it is the function's only typer.Argument."""
    subcommands_of_4: ClassVar[tuple[str, ...]] = ()
    """More such words, which the scripts of 3.9 do not have and therefore do not list."""
    exclusive: ClassVar[frozenset[str]] = frozenset()
    """Options that exclude each other."""
    help_without_arguments: ClassVar[bool] = False
    """Whether to show the help, without an error, if there are no words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and self.help_without_arguments and not ctx.resilient_parsing:
            print(self.get_help(ctx))
            ctx.exit()
        try:
            return super().parse_args(ctx, args)
        except UnreadableValue as problem:
            raise self.argparse_error(cast(ScriptContext, ctx), str(problem)) from None

    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        parsed = parse_argparse(words, specs)
        if any(option.spec.name in ("help", "version") for option in parsed.options):
            return parsed
        rivals = list(dict.fromkeys(option.spec for option in parsed.options if option.spec.name in self.exclusive))
        if len(rivals) > 1:
            raise Unparsable(f"argument {displayed(rivals[1])}: not allowed with argument {displayed(rivals[0])}")
        if self.subcommands and not parsed.words:
            raise Unparsable("too few arguments")
        if self.subcommands:
            parsed.words[0] = self._subcommand(parsed.words[0])
        if surplus := parsed.words[1 if self.subcommands else 0 :]:
            raise Unparsable(f"unrecognized arguments: '{surplus[0]}'")
        return parsed

    def _subcommand(self, word: str) -> str:
        """The subcommand that the word names or abbreviates.

        raises    Unparsable
        """
        known = self.subcommands + self.subcommands_of_4
        if word in known:
            return word
        if len(candidates := sorted(name for name in known if name.startswith(word))) == 1:
            return candidates[0]
        if candidates:
            raise Unparsable(f"ambiguous command: {word} could match {', '.join(candidates)}")
        choices = ", ".join(f"'{name}'" for name in self.subcommands)
        hint = suggestions(word, {name: name for name in known})
        if self.subcommands_of_4:
            hint = f"{hint}\nSince Kafka 4: {', '.join(self.subcommands_of_4)}".lstrip("\n")
        raise Unparsable(f"invalid choice: '{word}' (choose from {choices})", hint)

    def parse_error(self, ctx: ScriptContext, problem: Unparsable) -> ScriptError:
        return self.argparse_error(ctx, str(problem), hint=problem.hint)

    @staticmethod
    def argparse_error(ctx: ScriptContext, message: str, *, hint: str = "") -> ScriptError:
        """Usage and message in argparse4j's form; to be raised."""
        usage = ctx.get_usage().replace("Usage:", "usage:")
        return ScriptError(f"{usage}\n{ctx.command_path.replace(' ', '-')}: error: {message}", hint=hint)

    def unreadable_value(self, spec: Spec, values: Sequence[str], *, repeated: bool) -> UnreadableValue | None:
        if repeated:
            return None
        if choices := self._choices(spec):
            listed = ", ".join(f"'{choice}'" for choice in choices)
            text = f"argument {displayed(spec)}: invalid choice: '{values[-1]}' (choose from {listed})"
            return UnreadableValue(text, spec.name)
        (java_type,) = (
            getattr(_parser(param), "java_name", "Double") for param in self.params if f"--{spec.name}" in param.opts
        )
        reason = f'For input string: "{values[-1]}"'
        text = f"argument {displayed(spec)}: could not convert '{values[-1]}' to {java_type} ({reason})"
        return UnreadableValue(text, spec.name)


def _spec(param: TyperOption, never_abbreviated: Collection[str]) -> Spec:
    if param.is_flag:
        takes = Takes.NOTHING
    elif isinstance(_parser(param), OptionalValue):
        takes = Takes.OPTIONAL_VALUE
    elif isinstance(_parser(param), SeveralValues):
        takes = Takes.SEVERAL_VALUES
    else:
        takes = Takes.VALUE
    names = tuple(opt.lstrip("-") for opt in param.opts)
    return Spec(names, takes, lambda text: _converts(param, text), names[0] not in never_abbreviated)


def _parser(param: Any) -> object:
    """The `parser` that the option was declared with, if any."""
    return getattr(param.type, "func", None)


def _converts(param: TyperOption, text: str) -> bool:
    try:
        param.type(text, param, None)
    except typer.BadParameter:
        return False
    return True
