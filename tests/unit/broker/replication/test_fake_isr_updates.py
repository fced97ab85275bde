import pytest
from kio.schema.errors import ErrorCode

from tests.fakes.isr_updates import FakeIsrUpdates
from tests.support.isr_updates_contract import IsrUpdatesContract


class _Controller:
    def __init__(self, updates: FakeIsrUpdates) -> None:
        self._updates = updates

    async def confirm(self) -> None:
        self._updates.confirm()

    async def reject(self, error: ErrorCode) -> None:
        self._updates.reject(error)


class TestFakeIsrUpdates(IsrUpdatesContract):
    @pytest.fixture
    def updates(self) -> FakeIsrUpdates:
        return FakeIsrUpdates()

    @pytest.fixture
    def controller(self, updates: FakeIsrUpdates) -> _Controller:
        return _Controller(updates)
