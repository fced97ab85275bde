import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter
from tests.support.partition_writer_contract import ALONE, LED, PartitionWriterContract


class _Replicas:
    def __init__(self, writer: FakePartitionWriter, clock: FakeClock) -> None:
        self._writer = writer
        self._clock = clock

    async def hold(self) -> None:
        self._writer.is_replicating = False

    async def go_on(self) -> None:
        self._writer.replicate(LED)

    async def lose(self) -> None:
        self._writer.lose(LED)

    async def time_out(self) -> None:
        self._clock.advance(0.06)


class TestFakePartitionWriter(PartitionWriterContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def writer(self, clock: FakeClock) -> FakePartitionWriter:
        return FakePartitionWriter(clock, {LED, ALONE})

    @pytest.fixture
    def replicas(self, writer: FakePartitionWriter, clock: FakeClock) -> _Replicas:
        return _Replicas(writer, clock)
