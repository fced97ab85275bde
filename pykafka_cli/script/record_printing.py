"""How the console consumers print records: by Kafka's formatters, as documents, by a template, in color."""

import os
import sys
from collections.abc import Mapping

from pykafka_cli.console.log_lines import error
from pykafka_cli.console.stderr import print_remark
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.formatters import (
    DEPRECATED_FORMATTERS,
    DefaultFormatter,
    Formatter,
    UnknownFormatter,
    formatter,
)
from pykafka_cli.script.command import ScriptContext

DEFAULT_WIDTH = 80
"""Columns of a terminal that does not report them."""


def build_formatter(
    ctx: ScriptContext,
    name: str,
    properties: Mapping[str, str],
    output: OutputFormat | None,
    template: str | None = None,
) -> Formatter:
    """raises    UsageProblem for an unknown class, a bad template, and conflicting formats"""
    is_document = output is not None and output.is_document
    for option, is_used in (("output", is_document), ("template", template is not None)):
        if is_used and "formatter" in ctx.given:
            raise ctx.usage_problem(f"Options {option} and formatter cannot be specified together.")
    if is_document and template is not None:
        raise ctx.usage_problem("Options output and template cannot be specified together.")
    if new_name := DEPRECATED_FORMATTERS.get(name):
        print_remark(
            f"WARNING: {name} is deprecated and will be removed in the next major release. "
            f"Please use {new_name} instead"
        )
    try:
        built = formatter(name, properties)
    except UnknownFormatter:
        raise ctx.usage_problem(name) from None
    if not isinstance(built, DefaultFormatter):
        return built
    for unknown in built.unknown_deserializers:
        error(
            f"Unable to instantiate a deserializer from {unknown}",
            cause=f"java.lang.ClassNotFoundException: {unknown}",
        )
    if template is not None:
        from pykafka_cli.rules.record_templates import BadTemplate, Template

        try:
            return Template(template, built.deserialize_key, built.deserialize_value)
        except BadTemplate as problem:
            raise ctx.usage_problem(f"--template: {problem}") from None
    if is_document:
        from pykafka_cli.output.record_documents import RecordDocuments

        return RecordDocuments(
            built.deserialize_key,
            built.deserialize_value,
            built.deserialize_header,
            is_yaml=output is OutputFormat.YAML,
        )
    if output is None and sys.stdout.isatty():
        from pykafka_cli.output.colors import may_color
        from pykafka_cli.output.terminal_records import TerminalFormatter

        width = os.get_terminal_size(sys.stdout.fileno()).columns
        return TerminalFormatter(properties, width=width or DEFAULT_WIDTH, is_colored=may_color())
    return built
