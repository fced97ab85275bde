"""The quorum of a KRaft node, as tools see it: one voter, the node itself."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pykafka_cli.model import BrokerId
from pykafka_cli.properties.listeners import Listener


@dataclass(slots=True)
class Quorum:
    """A quorum of one.

    directory_id    of the node's metadata directory
    log_end         how many transactions the metadata have seen
    endpoints       where tools reach the controller; set once the ports are known
    """

    node_id: BrokerId
    directory_id: uuid.UUID
    log_end: Callable[[], int]
    endpoints: tuple[Listener, ...] = ()
