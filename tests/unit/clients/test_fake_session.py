from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.cluster import FakeSession
from tests.support.session_contract import Responses, SessionContract


class TestFakeSession(SessionContract):
    @asynccontextmanager
    async def opened(self, responses: Responses) -> AsyncIterator[FakeSession]:
        yield FakeSession(dict(responses), topics={"there": 2})
