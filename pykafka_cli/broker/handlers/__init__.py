"""What this broker answers, one module per API. HANDLERS is the only list; dispatch, ApiVersions and the docs follow it.

A module holds `async def handle(ctx: RequestContext, request) -> response`; both are of the newest version that is
offered, whatever the client spoke (protocol/codec.py). Versions are those that Kafka 3.9 and kio have in common.
"""

from collections.abc import Mapping

from pykafka_cli.broker.context import Api
from pykafka_cli.broker.handlers import api_versions

HANDLERS: Mapping[int, Api] = {
    api.key: api
    for api in (
        # One line for each API, by key.
        Api("ApiVersions", 18, 0, 4, api_versions.handle),
    )
}
