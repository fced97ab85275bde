"""Committed offsets of many groups at once: a request to each coordinator for hundreds of them (KIP-709)."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from kio.schema.errors import ErrorCode
from kio.schema.offset_fetch.v8.request import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.admin.groups import committed_offsets
from pykafka_cli.clients.coordinator import find_coordinators
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import NO_OFFSET, BrokerId, Offset
from pykafka_cli.transport.errors import ConnectionFailed, VersionUnsupported

GROUPS_PER_REQUEST = 500
_FIRST_BATCHED = 8
_NOTHING_COMMITTED = frozenset({ErrorCode.group_id_not_found, ErrorCode.group_authorization_failed})


class OffsetsOfGroups:
    """The offsets that groups have committed in one topic, as they are found.

    found       the offsets by group and partition; groups without any are missing
    asked       the groups whose coordinators have responded
    failures    why a coordinator has not responded, by its id
    """

    def __init__(self, session: Session, topic: str, partitions: Sequence[int]) -> None:
        self._session, self._topic, self._partitions = session, topic, partitions
        self.found: dict[str, dict[int, Offset]] = {}
        self.asked: set[str] = set()
        self.failures: dict[BrokerId, str] = {}

    async def look_up(self, groups: Iterable[str]) -> None:
        """Ask the coordinators concurrently; one that fails does not stop the others.

        raises    ConnectionFailed if no coordinator can be found
        """
        names = list(groups)
        by_coordinator: dict[BrokerId, list[str]] = {}
        for begin in range(0, len(names), GROUPS_PER_REQUEST):
            some = names[begin : begin + GROUPS_PER_REQUEST]
            for group, coordinator in (await find_coordinators(self._session, some)).items():
                if not isinstance(coordinator, ApiError):
                    by_coordinator.setdefault(coordinator, []).append(group)
        await asyncio.gather(*(self._ask_coordinator(broker, theirs) for broker, theirs in by_coordinator.items()))

    async def _ask_coordinator(self, broker: BrokerId, groups: Sequence[str]) -> None:
        try:
            for begin in range(0, len(groups), GROUPS_PER_REQUEST):
                some = groups[begin : begin + GROUPS_PER_REQUEST]
                try:
                    response = await self._session.ask(self._request(some), broker=broker, oldest=_FIRST_BATCHED)
                except VersionUnsupported:  # before Kafka 3.0
                    await self._ask_for_each(groups[begin:])
                    return
                for group in response.groups:
                    self._take(group)
        except (ConnectionFailed, ApiError) as problem:
            self.failures[broker] = str(problem)

    def _request(self, groups: Sequence[str]) -> OffsetFetchRequest:
        topic = OffsetFetchRequestTopics(
            name=TopicName(self._topic), partition_indexes=tuple(i32(each) for each in self._partitions)
        )
        return OffsetFetchRequest(
            groups=tuple(OffsetFetchRequestGroup(group_id=GroupId(each), topics=(topic,)) for each in groups),
            require_stable=False,
        )

    def _take(self, group: Any) -> None:
        if group.error_code is not ErrorCode.none and group.error_code not in _NOTHING_COMMITTED:
            return  # its coordinator is moving
        offsets = {
            int(each.partition_index): Offset(int(each.committed_offset))
            for topic in group.topics
            for each in topic.partitions
            if each.error_code is ErrorCode.none and each.committed_offset != NO_OFFSET
        }
        self._note(group.group_id, offsets)

    async def _ask_for_each(self, groups: Sequence[str]) -> None:
        for group in groups:
            try:
                committed = await committed_offsets(self._session, group)
            except ApiError as error:
                if error.code not in _NOTHING_COMMITTED:
                    raise
                committed = {}
            self._note(group, {each.partition: at for each, at in committed.items() if each.topic == self._topic})

    def _note(self, group: str, offsets: dict[int, Offset]) -> None:
        self.asked.add(group)
        if offsets:
            self.found[group] = offsets
