"""Which broker is the controller, and the one task that does its work.

The broker that creates the ephemeral znode /controller is the controller, until its session ends or the znode is
removed; all brokers watch it. Every event (watch, broker's response, request, timer) becomes a step in a queue, and one
task runs one step at a time, so that no step sees another one half done. An ActiveController (active_controller.py) is
one controllership. A step that finds itself fenced in ZooKeeper makes the broker look up the controller again.

When the session expires, the broker's own registration is gone as well. The broker resigns, registers again with a new
broker epoch, and takes part in the next election.

source  kafka.controller.KafkaController, ControllerEventManager
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.broker.controller.active_controller import ActiveController, Step
from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.broker.controller.broker_channel import BrokerChannels
from pykafka_cli.broker.errors import BrokerError, BrokerIdNotRegistered, NotController, StaleBrokerEpoch
from pykafka_cli.broker.metadata.fenced_writes import ControllerMoved, Fence
from pykafka_cli.broker.metadata.producer_ids import next_block
from pykafka_cli.broker.metadata.zk_store import BrokerIdTaken, ZkStore
from pykafka_cli.broker.replication.peers import Connect
from pykafka_cli.model import (
    BrokerEpoch,
    BrokerId,
    ControllerEpoch,
    Seconds,
    TopicPartition,
    in_seconds,
)
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, ProducerIdBlock
from pykafka_cli.zookeeper.operations import WatchEvent
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment

_log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_BALANCE_AFTER = Seconds(5.0)  # seconds after an election, Kafka's own


class Controller:
    """This broker's part in controlling the cluster.

    controller_id   who the controller is, as last seen in ZooKeeper
    broker_epoch    of this broker's registration; None while it has none
    """

    def __init__(
        self,
        *,
        settings: BrokerSettings,
        store: ZkStore,
        clock: Clock,
        connect: Connect,
        unclean_election_allowed: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.controller_id: BrokerId | None = None
        self.broker_epoch: BrokerEpoch | None = None
        self._settings = settings
        self._store = store
        self._clock = clock
        self._connect = connect
        self._unclean_election_allowed = unclean_election_allowed
        self._registration: BrokerRegistration | None = None
        self._steps: asyncio.Queue[tuple[ActiveController | None, Step]] = asyncio.Queue()
        self._asked: dict[asyncio.Future[Any], None] = {}  # in the order in which they are failed
        self._task: asyncio.Task[None] | None = None
        self._active: ActiveController | None = None
        self._balance_timer: Timer | None = None
        self.on_controllership: list[Callable[[bool], None]] = []
        """Called with True when this broker has become the controller, with False when it no longer is."""

    # ---- life

    async def start(self, registration: BrokerRegistration) -> None:
        """Register this broker under /brokers/ids and take part in elections; returns when it is registered.

        raises  BrokerIdTaken
        """
        self._registration = registration
        await self._register()
        self._store.client.add_listener(self)
        self._task = asyncio.get_running_loop().create_task(self._work(), name="controller")
        self._post(self._elect_if_none)

    async def stop(self) -> None:
        """Resign, so that another broker can be elected; the end of the session does the same."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        fence = self._active.state.fence if self._active else None
        self._resign()
        if fence is not None:
            try:
                await self._store.resign_controller(fence)
            except (ControllerMoved, ConnectionClosed, SessionExpired):
                _log.info("another controller has been elected already")

    @property
    def is_active(self) -> bool:
        """Whether this broker is the controller."""
        return self._active is not None

    def counts(self) -> dict[str, tuple[str, int]]:
        """For metrics, by name: what it is, and how many; brokers that are not the controller know of nothing else."""
        counts = {"activecontrollercount": ("1 on the broker that is the controller.", int(self.is_active))}
        if self._active is not None:
            counts |= self._active.state.counts()
        return counts

    @property
    def epoch(self) -> ControllerEpoch:
        """The controller epoch of this broker; 0 when it is not the controller."""
        return self._active.state.fence.epoch if self._active else ControllerEpoch(0)

    async def _register(self) -> None:
        assert self._registration is not None
        timeout_s = in_seconds(self._settings.zookeeper_session_timeout_ms)
        # A session may be seen to end up to one of ZooKeeper's ticks late.
        self.broker_epoch = BrokerEpoch(
            await self._store.register_broker(self._registration, patience=Seconds(timeout_s * 1.5))
        )
        _log.info("broker %d is registered, epoch %d", self._registration.id, self.broker_epoch)

    def session_lost(self) -> None:
        """ZooKeeperClient's listener: our ephemeral znodes are gone, so another broker may be elected at any moment."""
        self.broker_epoch = None
        self._drop_queue()
        self._post(self._resign_step)

    def session_begun(self) -> None:
        self._post(self._register_and_elect)

    # ---- the task

    def _post(self, step: Step) -> None:
        self._steps.put_nowait((None, step))

    async def _work(self) -> None:
        while True:
            active, step = await self._steps.get()
            if active is not None and active is not self._active:
                continue  # it was of an active controller that has resigned
            try:
                await self._carry_out(step)
            except (SessionExpired, ConnectionClosed) as lost:
                _log.warning("a step of the controller was interrupted: %r", lost)
            except Exception:
                _log.exception("a step of the controller failed")

    async def _carry_out(self, step: Step) -> None:
        try:
            await step()
        except ControllerMoved as moved:
            _log.warning("%s", moved)
            await self._read_controller()  # the session may have ended as well, which the caller sees to

    async def _ask(self, question: Callable[[ActiveController], Awaitable[T]]) -> T:
        """Run a step of the active controller and return its result.

        raises  NotController if this broker is not the controller, or ceases to be before the step is done
        """
        if self._active is None:
            raise NotController("this broker is not the controller")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked[answer] = None

        async def step() -> None:
            if answer.done():
                return
            try:
                if self._active is None:
                    raise NotController("this broker is no longer the controller")
                result = await question(self._active)
            except (ControllerMoved, SessionExpired, ConnectionClosed):
                _fail(answer, NotController("this broker is no longer the controller"))
                raise
            except Exception as error:
                _fail(answer, error)  # the caller handles it, or logs it
            else:
                if not answer.done():
                    answer.set_result(result)

        self._post(step)
        try:
            return await answer
        finally:
            del self._asked[answer]

    def _drop_queue(self) -> None:
        """Drop all pending requests, and fail their waiters."""
        while not self._steps.empty():
            self._steps.get_nowait()
        self._drop_questions()

    # ---- elections

    def _controller_changed(self, _: WatchEvent) -> None:
        self._post(self._elect_if_none)

    async def _read_controller(self) -> None:
        """Read which broker is the controller, and resign if it is no longer this one."""
        self.controller_id = await self._store.controller(self._controller_changed)
        if self._active is not None and self.controller_id != self._settings.broker_id:
            self._resign()

    async def _elect_if_none(self) -> None:
        await self._read_controller()
        if self.controller_id is None and self.broker_epoch is not None:  # an unregistered broker cannot control others
            await self._elect()

    async def _elect(self) -> None:
        broker_id = self._settings.broker_id
        try:
            fence = await self._store.become_controller(broker_id)
        except ControllerMoved as moved:
            _log.info("%s", moved)
            await self._read_controller()
            return
        self.controller_id = broker_id
        self._active = self._new_active_controller(fence)
        try:
            await self._active.begin()
        except ControllerMoved:
            raise
        except Exception:
            _log.exception("broker %d was elected controller but could not start; another broker may try", broker_id)
            self._resign()
            await self._store.resign_controller(fence)
            return
        if self._settings.auto_leader_rebalance_enable:
            self._balance_after(FIRST_BALANCE_AFTER)
        self._controllership_changed(True)

    def _new_active_controller(self, fence: Fence) -> ActiveController:
        active: ActiveController

        def post(step: Step) -> None:
            self._steps.put_nowait((active, step))

        active = ActiveController(
            fence,
            broker_id=self._settings.broker_id,
            settings=self._settings,
            store=self._store,
            channels=BrokerChannels(
                self._settings.broker_id, self._settings.inter_broker_listener, self._connect, self._clock
            ),
            unclean_election_allowed=self._unclean_election_allowed,
            post=post,
        )
        return active

    def _resign(self) -> None:
        if self._balance_timer is not None:
            self._balance_timer.cancel()
            self._balance_timer = None
        if self._active is not None:
            _log.info("broker %d is no longer the controller", self._settings.broker_id)
            self._active.end()
            self._active = None
            self._drop_questions()
            self._controllership_changed(False)
        if self.controller_id == self._settings.broker_id:
            self.controller_id = None

    def _controllership_changed(self, is_controller: bool) -> None:
        for listener in self.on_controllership:
            listener(is_controller)

    def _drop_questions(self) -> None:
        for answer in self._asked:
            _fail(answer, NotController("this broker is no longer the controller"))

    async def _resign_step(self) -> None:
        self._resign()

    async def _register_and_elect(self) -> None:
        self._resign()
        try:
            await self._register()
        except BrokerIdTaken as taken:
            _log.error("%s", taken)
            self._post(self._register_and_elect)
            return
        await self._elect_if_none()

    def _balance_after(self, delay: Seconds) -> None:
        self._balance_timer = self._clock.call_later(delay, lambda: self._post(self._balance))

    async def _balance(self) -> None:
        if self._active is None:
            return
        try:
            await self._active.elections.balance(self._settings.leader_imbalance_per_broker_percentage / 100)
        finally:
            self._balance_after(Seconds(self._settings.leader_imbalance_check_interval_seconds))

    # ---- requests to the controller

    async def controlled_shutdown(self, broker_id: BrokerId, broker_epoch: BrokerEpoch) -> list[TopicPartition]:
        """Partitions that the broker still leads after the rest was moved.

        raises  NotController, StaleBrokerEpoch, BrokerNotAvailable
        """
        return await self._ask(lambda active: active.controlled_shutdown(broker_id, broker_epoch))

    async def elect_leaders(
        self, partitions: list[TopicPartition], *, preferred: bool
    ) -> dict[TopicPartition, BrokerError | None]:
        """None for each partition that has the requested leader, else why not. Raises NotController."""
        return await self._ask(lambda active: active.elections.elect(partitions, preferred=preferred))

    async def alter_reassignments(
        self, wanted: Mapping[TopicPartition, tuple[BrokerId, ...] | None]
    ) -> dict[TopicPartition, BrokerError | None]:
        """Begin, change or (None) cancel moves of partitions. Raises NotController."""
        return await self._ask(lambda active: active.reassignment.alter(wanted))

    async def list_reassignments(
        self, partitions: list[TopicPartition] | None
    ) -> dict[TopicPartition, ReplicaAssignment]:
        """The assignments of those partitions (None: of all) that are being moved; raises NotController."""

        async def listed(active: ActiveController) -> dict[TopicPartition, ReplicaAssignment]:
            return active.reassignment.in_progress(partitions)

        return await self._ask(listed)

    async def alter_isrs(
        self, broker_id: BrokerId, broker_epoch: BrokerEpoch, wanted: Mapping[TopicPartition, WantedIsr]
    ) -> dict[TopicPartition, PartitionState | BrokerError]:
        """The result for each ISR that a leader requested. Raises NotController, StaleBrokerEpoch."""

        async def altered(active: ActiveController) -> dict[TopicPartition, PartitionState | BrokerError]:
            _ensure_current(active, broker_id, broker_epoch)
            outcomes = await active.alter_isrs(wanted)
            self._steps.put_nowait((active, lambda: active.isrs_altered(outcomes)))
            return outcomes

        return await self._ask(altered)

    async def allocate_producer_ids(self, broker_id: BrokerId, broker_epoch: BrokerEpoch) -> ProducerIdBlock:
        """The next block of producer ids, for one broker alone.

        raises  NotController, BrokerIdNotRegistered, StaleBrokerEpoch
        """

        async def allocated(active: ActiveController) -> ProducerIdBlock:
            if broker_id not in active.state.brokers:
                raise BrokerIdNotRegistered(f"broker {broker_id} asked for producer ids, and is not registered")
            _ensure_current(active, broker_id, broker_epoch)
            return await next_block(self._store.client, broker_id)

        return await self._ask(allocated)

    async def all_answered(self, limit: Seconds) -> None:
        """Wait until every live broker has what this controller sent it, but no longer than `limit` seconds."""
        if self._active is not None:
            await self._active.all_answered(limit)

    def topic_name(self, topic_id: uuid.UUID) -> str | None:
        """The name that belongs to a topic id, as the controller knows it; None if it knows no such id."""
        return self._active.state.topic_names.get(topic_id) if self._active else None

    def unclean_election_enabled(self, topic: str | None = None) -> None:
        """unclean.leader.election.enable has become true, for one topic or for all that do not say otherwise."""
        active = self._active
        if active is not None:
            self._steps.put_nowait((active, lambda: active.unclean_election_enabled(topic)))


def _ensure_current(active: ActiveController, broker_id: BrokerId, broker_epoch: BrokerEpoch) -> None:
    registration = active.state.brokers.get(broker_id)
    if registration is None or registration.epoch != broker_epoch:
        known = "not registered" if registration is None else f"at epoch {registration.epoch}"
        raise StaleBrokerEpoch(f"broker {broker_id} sent broker epoch {broker_epoch}, but has {known}")


def _fail(answer: "asyncio.Future[T]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
