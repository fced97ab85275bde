"""What a handler is given: the parts of the broker, who asks, and the table of APIs it belongs to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.properties.broker import BrokerSettings


@dataclass(slots=True)
class Broker:
    """The parts of one broker, built by server.py. A handler sees nothing else."""

    settings: BrokerSettings
    clock: Clock
    logs: Any
    replicas: Any
    metadata: Any
    store: Any
    topics: Any
    configs: Any
    controller: Any
    groups: Any
    producer_ids: Any
    waiting: WaitingRoom


@dataclass(slots=True)
class RequestContext:
    """One request: which, from whom, to whom.

    api_version    what the client spoke; requests and answers are of the newest version whatever it says
    client_host    the client's address
    principal      TYPE:name, User:ANONYMOUS where nobody authenticated
    apis           every API that is offered, by key
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


Handler = Callable[[RequestContext, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Api:
    """One line of the table of what is offered: name and key as in Kafka's message definitions, versions inclusive."""

    name: str
    key: int
    min_version: int
    max_version: int
    handle: Handler
