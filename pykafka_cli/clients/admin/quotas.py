"""Limits on users, clients and addresses (KIP-546)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kio.static.primitive import f64, i8

from pykafka_cli.clients.errors import ensure_none_failed
from pykafka_cli.clients.session import Session

USER, CLIENT_ID, IP = "user", "client-id", "ip"
DEFAULT_NAME = ""
_EXACT, _DEFAULT, _ANY = 0, 1, 2
_REMOVED_VALUE = 0.0


class QuotaComponent(NamedTuple):
    """One part of a quota's entity: a type and a name; DEFAULT_NAME for the default, None for any name."""

    type: str
    name: str | None


QuotaEntity = tuple[QuotaComponent, ...]
"""A quota's entity: a user, a client id, both together, or an address; users come first."""


async def describe_quotas(
    session: Session, components: Iterable[QuotaComponent]
) -> dict[QuotaEntity, dict[str, float]]:
    """Limits of all entities that have these components and no others, sorted; without components, of all entities.

    raises    ApiError
    """
    from kio.schema.describe_client_quotas.v1.request import ComponentData, DescribeClientQuotasRequest

    filters = tuple(
        ComponentData(entity_type=type_, match_type=i8(_match_type(name)), match=name or None)
        for type_, name in components
    )
    request = DescribeClientQuotasRequest(components=filters, strict=bool(filters))
    answer = await session.ask(request)
    ensure_none_failed([answer])
    found = {
        tuple(
            sorted(
                (QuotaComponent(each.entity_type, each.entity_name or DEFAULT_NAME) for each in entry.entity),
                key=lambda component: (USER, CLIENT_ID, IP).index(component.type),
            )
        ): {value.key: float(value.value) for value in sorted(entry.values, key=lambda value: str(value.key))}
        for entry in answer.entries or ()
    }
    return dict(sorted(found.items()))


async def alter_quotas(session: Session, entity: QuotaEntity, values: Mapping[str, float | None]) -> None:
    """Set limits of one entity, or remove them (None).

    raises    ApiError
    """
    from kio.schema.alter_client_quotas.v1.request import AlterClientQuotasRequest, EntityData, EntryData, OpData

    entry = EntryData(
        entity=tuple(EntityData(entity_type=type_, entity_name=name or None) for type_, name in entity),
        ops=tuple(
            OpData(key=key, value=f64(_REMOVED_VALUE if value is None else value), remove=value is None)
            for key, value in values.items()
        ),
    )
    request = AlterClientQuotasRequest(entries=(entry,), validate_only=False)
    ensure_none_failed((await session.ask_controller(request)).entries)


def _match_type(name: str | None) -> int:
    if name is None:
        return _ANY
    return _EXACT if name else _DEFAULT
