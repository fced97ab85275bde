"""ACLs."""

from pykafka_cli.clients.admin.acls import describe_acls
from pykafka_cli.clients.session import Session
from pykafka_cli.ui.views import Document, Query


async def acls(session: Session, query: Query) -> Document:
    """All ACLs whose principal or resource contains `filter`.

    raises    ApiError, also if the brokers have no authorizer
    """
    wanted = query.get("filter", "")
    found = [
        {
            "principal": entry.principal,
            "permission": entry.permission.name,
            "operation": entry.operation.name,
            "resource_type": pattern.type.name,
            "resource": pattern.name,
            "pattern_type": pattern.pattern_type.name,
            "host": entry.host,
        }
        for pattern, entry in await describe_acls(session)
    ]
    return {
        "acls": [each for each in found if wanted in each["principal"] or wanted in each["resource"]],
        "of": len(found),
    }
