"""kafka-acls.sh: ACLs by resource, and the question before a removal.

The scripts of 3.9 end the last row of a block with a blank, and indent the first; those of 4.x do so only when they add
or remove.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.acls import AclBinding, AclEntry, PatternFilter, ResourcePattern
from pykafka_cli.output.render import OutputFormat, Table, show

Listed = Mapping[ResourcePattern, Sequence[AclEntry]]


def by_resource(acls: Iterable[AclBinding]) -> dict[ResourcePattern, list[AclEntry]]:
    grouped: dict[ResourcePattern, list[AclEntry]] = {}
    for pattern, entry in acls:
        grouped.setdefault(pattern, []).append(entry)
    return grouped


def show_acls(form: OutputFormat, acls: Listed, *, is_kafka_4: bool) -> None:
    show(
        form,
        text=lambda: "".join(
            current_acls(pattern, entries, is_kafka_4=is_kafka_4) for pattern, entries in acls.items()
        ),
        table=lambda: [_table(acls)],
        document=lambda: _document(acls),
    )


def show_acls_of(form: OutputFormat, principals: Mapping[str, Listed], *, is_kafka_4: bool) -> None:
    """The ACLs of each principal."""

    def script_text() -> str:
        blocks = (
            heading
            + "".join(current_acls(pattern, entries, is_kafka_4=is_kafka_4) for pattern, entries in acls.items())
            for heading, acls in ((f"ACLs for principal `{name}`\n", acls) for name, acls in principals.items())
        )
        return "".join(blocks)

    show(
        form,
        text=script_text,
        table=lambda: [_table(acls, title=name) for name, acls in principals.items()],
        document=lambda: {name: _document(acls) for name, acls in principals.items()},
    )


def show_changed(form: OutputFormat, acls: Iterable[AclBinding]) -> None:
    """The ACLs that were added or removed, as a document; the script's text is printed step by step."""
    show(form, text=str, table=list, document=lambda: _document(by_resource(acls)))


def current_acls(pattern: ResourcePattern, entries: Iterable[AclEntry], *, is_kafka_4: bool) -> str:
    rows = _rows(entries)
    if is_kafka_4:
        return f"Current ACLs for resource `{pattern}`:\n{rows}\n\n"
    return f"Current ACLs for resource `{pattern}`: \n {rows} \n\n"


def adding(pattern: ResourcePattern, entries: Iterable[AclEntry], *, is_kafka_4: bool) -> str:
    return f"Adding ACLs for resource `{pattern}`: \n {_rows(entries)}{_end(is_kafka_4)}"


def removal_question(resource: PatternFilter, entries: Sequence[AclEntry], *, is_kafka_4: bool) -> str:
    named = (
        f"ResourcePattern(resourceType={resource.type.name}, name={resource.name}, "
        f"patternType={resource.pattern_type.name})"
    )
    if not entries:
        return f"Are you sure you want to delete all ACLs for resource filter `{named}`? (y/n)"
    rows = f"{_rows(entries)}{_end(is_kafka_4)}"
    return f"Are you sure you want to remove ACLs: \n {rows} from resource filter `{named}`? (y/n)"


def _rows(entries: Iterable[AclEntry]) -> str:
    return "\n".join(f"\t{entry}" for entry in entries)


def _end(is_kafka_4: bool) -> str:
    return "\n" if is_kafka_4 else " \n"


def _table(acls: Listed, title: str = "") -> Table:
    columns = ("RESOURCE", "NAME", "PATTERN", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION")
    rows = [
        (
            pattern.type.title,
            pattern.name,
            pattern.pattern_type.name.lower(),
            entry.principal,
            entry.host,
            entry.operation.title,
            entry.permission.title,
        )
        for pattern, entries in acls.items()
        for entry in entries
    ]
    return Table(columns, rows, title, empty="No ACLs.")


def _document(acls: Listed) -> list[dict[str, object]]:
    return [
        {
            "resource_type": pattern.type.title,
            "name": pattern.name,
            "pattern_type": pattern.pattern_type.name.lower(),
            "acls": [
                {
                    "principal": entry.principal,
                    "host": entry.host,
                    "operation": entry.operation.title,
                    "permission": entry.permission.title,
                }
                for entry in entries
            ],
        }
        for pattern, entries in acls.items()
    ]


def print_deprecation() -> None:
    """The script's warning if ACLs are changed through ZooKeeper."""
    print(_DEPRECATED, file=sys.stderr)


_DEPRECATED = (
    "Warning: support for ACL configuration directly through the authorizer is deprecated and will be removed in a "
    "future release. Please use --bootstrap-server instead to set ACLs through the admin client."
)
