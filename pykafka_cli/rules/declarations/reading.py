"""Reads a file with declarations in any of the forms."""

from collections.abc import Callable, Mapping

from pykafka_cli.rules.declarations import jikkou, strimzi
from pykafka_cli.rules.declarations.collecting import Collector
from pykafka_cli.rules.declarations.documents import BadDeclarations, Fields, Node, Place, Problem, read_documents
from pykafka_cli.rules.declarations.model import Declarations
from pykafka_cli.rules.declarations.short import read_short

_STRIMZI: Mapping[str, Callable[[Fields, Collector, strimzi.Secrets], None]] = {
    "KafkaTopic": strimzi.read_topic,
    "KafkaUser": strimzi.read_user,
}
_JIKKOU: Mapping[str, Callable[[Fields, Collector, jikkou.Named], None]] = {
    "KafkaTopic": jikkou.read_topic,
    "KafkaUser": jikkou.read_user,
    "KafkaClientQuota": jikkou.read_quota,
    "KafkaPrincipalAuthorization": jikkou.read_authorization,
    "KafkaTableRecord": jikkou.read_record,
}
_CONFIG_MAP, _ROLE, _SECRET, _LIST = "ConfigMap", "KafkaPrincipalRole", "Secret", "List"
_KINDS = (
    f"{', '.join(_STRIMZI)} of {strimzi.GROUP}, {', '.join((*_JIKKOU, _ROLE))} of {jikkou.GROUP} and their lists, "
    f"{_CONFIG_MAP} and {_SECRET}"
)


def read_declarations(text: str) -> Declarations:
    """All declarations of a file.

    raises    BadDeclarations with all problems
    """
    problems: list[Problem] = []
    collector = Collector(problems)
    resources: list[Fields] = []
    if not (documents := read_documents(text, problems)):
        raise BadDeclarations([Problem(Place(1, 1), "the file is empty")])
    for document in documents:
        if isinstance(document.value, dict) and ("kind" in document.value or "apiVersion" in document.value):
            _unfold(document, resources)
        else:
            read_short(document, collector)
    _read_resources(resources, collector)
    if problems:
        raise BadDeclarations(problems)
    return collector.found


def _unfold(document: Node, resources: list[Fields]) -> None:
    """Add a resource, or those of a list."""
    fields = document.fields()
    kind = fields.required("kind")
    if kind is None or (name := kind.text()) is None:
        return
    if not name.endswith(_LIST):
        resources.append(fields)
        return
    if (items := fields.required("items")) is None:
        return
    inherited = name.removesuffix(_LIST)
    for item in items.items():
        if inherited:
            item.inherit("kind", inherited)
            item.inherit("apiVersion", document.value.get("apiVersion"))
        _unfold(item, resources)


def _read_resources(resources: list[Fields], collector: Collector) -> None:
    config_maps: dict[str, Mapping[str, Node]] = {}
    roles: dict[str, Node] = {}
    secrets: dict[str, Mapping[str, str]] = {}
    for resource in resources:
        match resource["kind"].value:
            case kind if kind in (_CONFIG_MAP, _ROLE):
                content = resource.required("data" if kind == _CONFIG_MAP else "spec")
                metadata = resource.required("metadata")
                name = metadata.fields().required("name") if metadata else None
                if content is None or name is None:
                    continue
                if kind == _CONFIG_MAP:
                    config_maps[str(name.value)] = content.fields()
                elif acls := content.fields().required("acls"):
                    roles[str(name.value)] = acls
            case kind if kind == _SECRET:
                if found := strimzi.read_secret(resource):
                    secrets[found[0]] = {**secrets.get(found[0], {}), **found[1]}
    named = jikkou.Named(config_maps, roles)
    for resource in resources:
        _read_resource(resource, collector, named, secrets)


def _read_resource(
    resource: Fields, collector: Collector, named: jikkou.Named, secrets: Mapping[str, Mapping[str, str]]
) -> None:
    kind = str(resource["kind"].value)
    if kind in (_CONFIG_MAP, _ROLE, _SECRET):
        return
    version = resource.required("apiVersion")
    group = str(version.value).partition("/")[0] if version else None
    if group == strimzi.GROUP and kind in _STRIMZI:
        _STRIMZI[kind](resource, collector, secrets)
    elif group == jikkou.GROUP and kind in _JIKKOU:
        if not jikkou.is_left_out(resource):
            _JIKKOU[kind](resource, collector, named)
    elif group is not None:
        resource["kind"].reject(f"{kind} of {group} is unknown here; use {_KINDS}")


__all__ = ["BadDeclarations", "read_declarations"]
