"""The arguments of a handler: the parts of the broker, the client, and the table of APIs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kio.static.primitive import i32

from pykafka_cli.acls import CLUSTER_NAME, AclOperation, ResourceType
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.model import NO_TIME, Seconds
from pykafka_cli.protocol.authorized_operations import OPERATIONS

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.controller.controller import Controller
    from pykafka_cli.broker.coordinator.group.coordinator import GroupCoordinator
    from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
    from pykafka_cli.broker.coordinator.transaction.verification import TransactionVerification
    from pykafka_cli.broker.log.log_manager import LogManager
    from pykafka_cli.broker.metadata.cache import MetadataCache
    from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
    from pykafka_cli.broker.metadata.producer_ids import ProducerIds
    from pykafka_cli.broker.metadata.quorum import Quorum
    from pykafka_cli.broker.metadata.topic_admin import TopicAdmin
    from pykafka_cli.broker.metadata.zk_store import ZkStore
    from pykafka_cli.broker.network.authentication import Authentication
    from pykafka_cli.broker.quotas.allowances import Allowance
    from pykafka_cli.broker.replication.replica_manager import ReplicaManager
    from pykafka_cli.broker.security.acl_manager import AclManager
    from pykafka_cli.broker.security.authorizer import Rights
    from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
    from pykafka_cli.broker.waiting import WaitingRoom
    from pykafka_cli.properties.broker import BrokerSettings


@dataclass(slots=True)
class Broker:
    """The parts of one broker, built by server.py. A handler sees nothing else."""

    settings: "BrokerSettings"
    clock: "Clock"
    logs: "LogManager"
    replicas: "ReplicaManager"
    metadata: "MetadataCache"
    store: "ZkStore"
    topics: "TopicAdmin"
    configs: "DynamicConfigs"
    controller: "Controller"
    groups: "GroupCoordinator"
    transactions: "TransactionCoordinator"
    verification: "TransactionVerification"
    producer_ids: "ProducerIds"
    waiting: "WaitingRoom"
    quorum: "Quorum | None" = None
    """The quorum of a KRaft node; None in ZooKeeper mode."""
    acls: "AclManager | None" = None
    """None without an authorizer."""
    delegation_tokens: "DelegationTokenManager | None" = None
    """None without delegation.token.secret.key."""
    metrics: Metrics = field(default_factory=Metrics)


@dataclass(slots=True)
class RequestContext:
    """One request: which, from whom, to whom.

    api_version    the version that the client used; requests and responses are of the newest version all the same
    client_host    the client's address
    principal      TYPE:name, User:ANONYMOUS where nobody authenticated
    apis           every API that is offered, by key
    authentication the connection's, on a listener that requires a login
    rights         what the client may do; None: everything, because there is no authorizer, or the broker itself asks
    allowance      how much the client may use; None: without limit
    throttle       how long the client has to be silent, because it used more; the handler may set it
    """

    broker: Broker
    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    client_host: str
    listener_name: str
    principal: str = "User:ANONYMOUS"
    apis: Mapping[int, "Api"] = field(default_factory=dict)
    authentication: "Authentication | None" = None
    rights: "Rights | None" = None
    allowance: "Allowance | None" = None
    throttle: Seconds = NO_TIME

    def allows(
        self, operation: AclOperation, type_: ResourceType, name: str, *, count: int = 1, is_asked_for: bool = True
    ) -> bool:
        """Whether the client may do this.

        count           how often the request names the resource, for the log of denials
        is_asked_for    False if the decision only chooses what to show, so that a denial is no attempt
        """
        return self.rights is None or self.rights.allow(
            operation, type_, name, api_key=self.api_key, count=count, is_asked_for=is_asked_for
        )

    def allows_on_cluster(self, operation: AclOperation, *, is_asked_for: bool = True) -> bool:
        return self.allows(operation, ResourceType.CLUSTER, CLUSTER_NAME, is_asked_for=is_asked_for)

    def allows_some(self, operation: AclOperation, type_: ResourceType) -> bool:
        """Whether there can be a resource of the type with which the client may do this."""
        return self.rights is None or self.rights.allow_some(operation, type_, api_key=self.api_key)

    def authorized_operations(self, type_: ResourceType, name: str) -> i32:
        """The client's operations on a resource, as responses encode them."""
        if self.rights is None:
            return OPERATIONS[type_]
        return i32(self.rights.operations(type_, name, api_key=self.api_key))

    @property
    def description(self) -> str:
        """The request as messages about it name it."""
        session = f"Session({self.principal},/{self.client_host})"
        return f"Request(session={session}, listenerName=ListenerName({self.listener_name}))"


Handler = Callable[[RequestContext, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Api:
    """One line of the table of what is offered: name and key as in Kafka's message definitions, versions inclusive."""

    name: str
    key: int
    min_version: int
    max_version: int
    handle: Handler
