"""DescribeAcls (key 29), CreateAcls (30) and DeleteAcls (31), versions 0-3.

There is no authorizer, so each is rejected with SECURITY_DISABLED in Kafka's words; CreateAcls and DeleteAcls carry the
refusal in each of their entries.
v1 pattern types (KIP-290)   v2 flexible encoding   v3 resources of the type USER
Source: kafka.server.AclApis.
"""

from typing import Any, NoReturn

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import SecurityDisabled


async def handle(_ctx: RequestContext, _request: Any) -> NoReturn:
    raise SecurityDisabled("No Authorizer is configured on the broker")
