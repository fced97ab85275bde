"""Our short form.

topics:
  orders:
    partitions: 3
    replication-factor: 1
    configs: {retention.ms: 86400000}
    records:
      - {key: o-1, value: {amount: 5}, headers: {source: seed}}
users:
  alice:
    scram-sha-512: {password: {env: ALICE_PASSWORD}}
quotas:
  - {user: alice, limits: {producer_byte_rate: 1048576}}
acls:
  - {principal: "User:alice", operations: [read, describe], topic: orders}
"""

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.declarations.collecting import (
    Collector,
    acl_of,
    bytes_of,
    check_limits,
    header_fields,
    limits_of,
    named_headers,
    principal_of,
)
from pykafka_cli.rules.declarations.documents import Node
from pykafka_cli.rules.declarations.model import (
    CLIENT_ID,
    DEFAULT_NAME,
    IP,
    LEAST_ITERATIONS,
    LIMITS,
    MECHANISMS,
    MOST_ITERATIONS,
    MOST_PARTITIONS,
    USER,
    DeclaredCredential,
    Password,
    QuotaEntity,
    SeedRecord,
)

DEFAULT = "<default>"
SECTIONS = dict.fromkeys(("topics", "users", "quotas", "acls"), "")
_TOPIC = dict.fromkeys(("partitions", "replication-factor", "configs", "records"), "")
_RECORD = dict.fromkeys(("key", "key-base64", "value", "value-base64", "headers", "partition", "timestamp"), "")
_CREDENTIAL = dict.fromkeys(("password", "iterations"), "")
_QUOTA = dict.fromkeys((USER, CLIENT_ID, IP, "limits"), "")
_RESOURCES = ("topic", "group", "cluster", "transactional-id", "delegation-token", "user")
_ACL = dict.fromkeys(("principal", "operations", *_RESOURCES, "pattern", "permission", "host"), "")
_MOST_TIME = 2**63 - 1


def read_short(document: Node, collector: Collector) -> None:
    """Read a document with our sections."""
    sections = document.fields(SECTIONS)
    if topics := sections.given("topics"):
        for name, node in topics.fields().items():
            _topic(name, node, collector)
    if users := sections.given("users"):
        for name, node in users.fields().items():
            _user(name, node, collector)
    if quotas := sections.given("quotas"):
        for node in quotas.items():
            _quota(node, collector)
    if acls := sections.given("acls"):
        for node in acls.items():
            _acls(node, collector)


def _topic(name: str, node: Node, collector: Collector) -> None:
    fields = node.fields(_TOPIC)
    configs = fields.given("configs")
    topic = collector.topic(
        Node(name, node.place, node.problems),
        node,
        fields.given("partitions"),
        fields.given("replication-factor"),
        configs.fields() if configs else {},
    )
    if records := fields.given("records"):
        for each in records.items():
            collector.record(topic, _record(each))


def _record(node: Node) -> SeedRecord:
    fields = node.fields(_RECORD)
    headers, partition, time = (fields.given(key) for key in ("headers", "partition", "timestamp"))
    timestamp = time.integer(0, _MOST_TIME) if time else None
    found: tuple[tuple[str, bytes | None], ...] = ()
    if headers:
        found = named_headers(headers) if isinstance(headers.value, list) else header_fields(headers)
    return SeedRecord(
        bytes_of(fields.get("key"), base64_text=fields.get("key-base64")),
        bytes_of(fields.get("value"), base64_text=fields.get("value-base64")),
        found,
        partition.integer(0, MOST_PARTITIONS) if partition else None,
        None if timestamp is None else Timestamp(timestamp),
        node.place,
    )


def _user(name: str, node: Node, collector: Collector) -> None:
    credentials = {}
    for key, each in node.fields({mechanism.lower(): "" for mechanism in MECHANISMS}).items():
        if key.upper() in MECHANISMS:
            credentials[key.upper()] = _credential(each)
    if not name:
        node.reject("a user must have a name")
    collector.user(name or None, node, credentials)


def _credential(node: Node) -> DeclaredCredential:
    fields = node.fields(_CREDENTIAL)
    password, iterations = fields.given("password"), fields.given("iterations")
    return DeclaredCredential(
        iterations.integer(LEAST_ITERATIONS, MOST_ITERATIONS) if iterations else None,
        password_source(password) if password else None,
        node.place,
    )


def password_source(node: Node) -> Password | None:
    """`env: NAME` or `file: PATH`; never the password itself."""
    if not isinstance(node.value, dict):
        node.value = None  # so that no error can show it
        node.reject(
            "must be {env: NAME} or {file: PATH}, the source of the password; the password itself does not belong here"
        )
        return None
    fields = node.fields({"env": "", "file": ""})
    given = [(kind, each) for kind in ("env", "file") if (each := fields.given(kind))]
    if len(given) != 1:
        node.reject("must have one of env and file")
        return None
    ((kind, each),) = given
    name = each.name()
    return Password(kind, name) if name else None


def _quota(node: Node, collector: Collector) -> None:
    fields = node.fields(_QUOTA)
    entity: QuotaEntity = tuple(
        (kind, DEFAULT_NAME if name == DEFAULT else name)
        for kind in (USER, CLIENT_ID, IP)
        if (each := fields.given(kind)) and (name := each.name())
    )
    kinds = [kind for kind, _ in entity]
    if not entity or (IP in kinds and len(kinds) > 1):
        node.reject(f"must have {USER}, {CLIENT_ID}, both, or {IP}; {DEFAULT} stands for all that have no other quota")
        return
    limits = (
        limits_of(wanted.fields(), {name: name for name in LIMITS}) if (wanted := fields.required("limits")) else {}
    )
    check_limits(node, entity, limits)
    collector.quota(entity, node, limits)


def _acls(node: Node, collector: Collector) -> None:
    fields = node.fields(_ACL)
    principal = principal_of(fields.required("principal"))
    operations = fields.required("operations")
    resources = [kind for kind in _RESOURCES if kind in fields]
    if len(resources) != 1:
        node.reject(f"must have one of {', '.join(_RESOURCES)}")
        return
    (kind,) = resources
    resource_type = Node(kind, node.place, node.problems)
    for operation in _each(operations):
        collector.acl(
            acl_of(
                principal,
                resource_type,
                fields[kind],
                fields.given("pattern"),
                operation,
                fields.given("permission"),
                fields.given("host"),
            ),
            node,
        )


def _each(node: Node | None) -> list[Node]:
    """The items of a list; a single word is a list of one."""
    if node is None:
        return []
    return node.items() if isinstance(node.value, list) else [node]
