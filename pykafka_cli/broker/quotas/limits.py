"""Which quota applies to a client: the most specific one that is configured for its user and client id. Pure.

source  kafka.server.ClientQuotaManager
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY


class Applied(NamedTuple):
    """A limit, and who shares it; an empty user or client id means all users or client ids."""

    limit: float
    user: str
    client_id: str


class Limits:
    """The limits of one quota, such as producer_byte_rate, by entity.

    Entities are named as below /config in ZooKeeper: users/alice/clients/<default>; names are percent-encoded there.
    """

    def __init__(self) -> None:
        self._limits: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._limits)

    def set(self, entity: str, limit: float | None) -> bool:
        """Set an entity's limit, or remove it; returns whether that is a change."""
        if self._limits.get(entity) == limit:
            return False
        if limit is None:
            del self._limits[entity]
        else:
            self._limits[entity] = limit
        return True

    def entities(self) -> frozenset[str]:
        return frozenset(self._limits)

    def of(self, user: str, client_id: str) -> Applied | None:
        """The limit of a user's client, both percent-encoded; None if there is none."""
        if not self._limits:
            return None
        for entity, shared_user, shared_client in (
            (f"users/{user}/clients/{client_id}", user, client_id),
            (f"users/{user}/clients/{DEFAULT_ENTITY}", user, client_id),
            (f"users/{user}", user, ""),
            (f"users/{DEFAULT_ENTITY}/clients/{client_id}", user, client_id),
            (f"users/{DEFAULT_ENTITY}/clients/{DEFAULT_ENTITY}", user, client_id),
            (f"users/{DEFAULT_ENTITY}", user, ""),
            (f"clients/{client_id}", "", client_id),
            (f"clients/{DEFAULT_ENTITY}", "", client_id),
        ):
            limit = self._limits.get(entity)
            if limit is not None:
                return Applied(limit, shared_user, shared_client)
        return None


def as_limit(config: Mapping[str, str], key: str) -> float | None:
    """A quota in an entity's config; None if it has none, or one that is not a positive number."""
    try:
        limit = float(config[key])
    except (KeyError, ValueError):
        return None
    return limit if limit > 0 else None
