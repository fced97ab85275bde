"""Transactional ids with their states, and the open transaction of one."""

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.transactions import describe_transactions, list_transactions
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.ui.views import Document, Query, of_each_broker, required


async def transactions(session: Session, query: Query) -> Document:
    """All transactional ids that contain `filter`; one request to each broker.

    `missing` are brokers that do not respond, and whose transactional ids are not known.
    raises    ApiError, VersionUnsupported
    """
    brokers = [each.id for each in await describe_brokers(session)]
    listed, missing = await of_each_broker(brokers, lambda each: list_transactions(session, coordinators=(each,)))
    found = [each for some in listed for each in some]
    wanted = query.get("filter", "")
    return {
        "transactions": [
            {
                "transactional_id": each.transactional_id,
                "coordinator": int(each.coordinator),
                "producer_id": int(each.producer_id),
                "state": each.state,
            }
            for each in sorted(found)
            if wanted in each.transactional_id
        ],
        "of": len(found),
        "missing": missing,
    }


async def transaction(session: Session, query: Query) -> Document:
    """The coordinator's state of one transactional id.

    raises    BadQuery, ApiError, VersionUnsupported
    """
    name = required(query, "name")
    found = (await describe_transactions(session, [name]))[name]
    if isinstance(found, ApiError):
        raise found
    return {
        "transactional_id": name,
        "coordinator": int(found.coordinator),
        "producer_id": int(found.producer_id),
        "producer_epoch": int(found.producer_epoch),
        "state": found.state,
        "timeout_ms": found.timeout_ms,
        "start_ms": found.start_ms,
        "partitions": [{"topic": each.topic, "partition": each.partition} for each in sorted(found.partitions)],
    }
