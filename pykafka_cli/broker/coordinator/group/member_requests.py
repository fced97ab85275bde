"""Requests of members, in one form for all versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.broker.coordinator.group.group import Protocols
from pykafka_cli.model import Milliseconds


@dataclass(frozen=True, slots=True)
class Joining:
    """A JoinGroup request and who sends it. What older versions lack has been filled in; timeouts in ms.

    requires_member_id  a new dynamic member gets an id first and joins with it (version 4)
    skips_assignment    a static leader that comes back can be asked not to assign (version 9)
    """

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: Milliseconds
    rebalance_timeout_ms: Milliseconds
    protocol_type: str
    protocols: Protocols
    reason: str | None = None
    requires_member_id: bool = True
    skips_assignment: bool = True


class Syncing(NamedTuple):
    """A SyncGroup request; what the protocol is called is None when the client does not say. Only a leader assigns."""

    member_id: str
    group_instance_id: str | None
    generation: int
    protocol_type: str | None
    protocol_name: str | None
    assignments: Mapping[str, bytes]


class Leaving(NamedTuple):
    """One member to be removed: by id, or by instance id alone when an administrator does it."""

    member_id: str
    group_instance_id: str | None
    reason: str | None = None
