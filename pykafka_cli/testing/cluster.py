"""The operations of a test on any cluster: topics, records, waiting."""

import uuid
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pykafka_cli.testing.loop_thread import LoopThread

if TYPE_CHECKING:
    from pykafka_cli.testing.records import Record

OWN_CLIENT_ID = "pk-testing"
"""The client.id of this class's own requests, which faults never affect."""

_NONE: Mapping[str, str] = MappingProxyType({})
_LONGEST_NAME = 40

T = TypeVar("T")
Text = str | bytes | None


class NotPossible(Exception):
    """Only servers that were started for the test can do this."""


class Cluster:
    """A running cluster, and a context manager that closes it.

    bootstrap_servers    HOST:PORT,... for any client
    zookeeper_connect    HOST:PORT; None if it is not known
    client_properties    further properties for clients, by Kafka's names: security, if the cluster has any

    Methods raise AssertionError if an expectation is not met in time, and ApiError or ConnectionFailed of
    pykafka_cli.clients if the cluster rejects a request or does not respond.
    """

    def __init__(
        self, bootstrap_servers: str, zookeeper_connect: str | None = None, client_properties: Mapping[str, str] = _NONE
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.zookeeper_connect = zookeeper_connect
        self.client_properties = client_properties
        self._loop = LoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections; servers that were started for the test stop."""
        self._loop.close()

    # ---- topics and records

    def create_topic(
        self,
        name: str,
        *,
        partitions: int | None = None,
        replication_factor: int | None = None,
        configs: Mapping[str, str] = _NONE,
    ) -> None:
        """Create a topic, and return when it can be used; without numbers, the cluster's defaults apply."""
        self._run(_operations().create(self._client, name, partitions, replication_factor, configs))

    def new_topic(self, prefix: str = "topic", **settings: Any) -> str:
        """Create a topic with a unique name, and return the name; takes the arguments of `create_topic`."""
        kept = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "-" for sign in prefix)
        name = f"{kept[:_LONGEST_NAME].strip('-')}-{uuid.uuid4().hex[:12]}"
        self.create_topic(name, **settings)
        return name

    def delete_topic(self, *names: str) -> None:
        """Delete topics."""
        self._run(_operations().delete(self._client, names))

    def produce(
        self,
        topic: str,
        *values: Text,
        key: Text = None,
        headers: Mapping[str, Text] | Iterable[tuple[str, Text]] = (),
    ) -> None:
        """Send values, in order, and return when the brokers have them.

        Texts are sent as UTF-8; None is a tombstone.
        """
        self.produce_many(topic, [(key, value) for value in values], headers=headers)

    def produce_many(
        self,
        topic: str,
        records: Iterable[tuple[Text, Text]],
        *,
        headers: Mapping[str, Text] | Iterable[tuple[str, Text]] = (),
    ) -> None:
        """Send (key, value) pairs, each with the same headers."""
        pairs = [(_bytes(key), _bytes(value)) for key, value in records]
        named = headers.items() if isinstance(headers, Mapping) else headers
        sent = [(name, _bytes(value)) for name, value in named]
        self._run(_operations().send(self._client, topic, pairs, sent))

    def records(
        self, topic: str, n: int | None = None, within: float = 10.0, *, read_committed: bool = False
    ) -> "list[Record]":
        """Return the first `n` records of a topic, waiting for them; without `n`, all that are there now.

        within    seconds
        """
        came: list[Record] = self._run(_operations().read(self._client, topic, n, within, committed=read_committed))
        if n is not None and len(came) < n:
            shown = ", ".join(repr(each.value) for each in came[-5:])
            raise AssertionError(
                f"{topic}: {len(came)} of {n} records arrived within {within:g} s"
                + (f", the last {shown}" if came else "")
            )
        return came

    # ---- waiting

    def wait(self, *conditions: str, timeout: float = 30.0) -> None:
        """Return when all conditions are met, which are those of `pk wait`, such as group=billing:Stable:2.

        timeout    seconds
        """
        if unmet := self._run(_operations().wait(self._client, conditions or ("broker",), timeout)):
            raise AssertionError("\n".join([f"Timed out after {timeout:g} s:", *(f"  {line}" for line in unmet)]))

    def mark(self, *topics: str) -> str:
        """Return a token for the current ends of topics: `expect(since=...)` reads what comes after it."""
        token: str = self._run(_expecting().mark(self._client, topics))
        return token

    def expect(
        self,
        topic: str,
        *conditions: str,
        count: int | None = None,
        json_subset: Sequence[Any] = (),
        ordered_by_key: bool = False,
        exactly: bool = False,
        key: str | None = None,
        headers: Mapping[str, str | None] = _NONE,
        value_matches: str | None = None,
        since: str | None = None,
        within: float = 30.0,
        grace: float = 1.0,
        read_committed: bool = False,
    ) -> None:
        """Fail unless a topic gets the expected records, and the conditions of `wait` are met then.

        count             the least number of records; by default that of `json_subset`, or 1
        json_subset       for each value, a different record whose JSON contains it
        ordered_by_key    records of one key arrive in the order of `json_subset`
        exactly           no other records; waits for them for `grace` seconds
        key, headers, value_matches    select the records that count; a header of None may have any value, and the last
                                  is a regular expression
        since             a token of `mark`; without it, the topic is read from its beginning
        within            seconds for everything
        """
        expecting = _expecting()
        expected = expecting.Expected(
            topic=topic,
            conditions=conditions,
            count=count,
            json_subset=json_subset,
            ordered_by_key=ordered_by_key,
            exactly=exactly,
            key=key,
            headers=tuple(headers.items()),
            value_matches=value_matches,
            since=since,
            within=within,
            grace=grace,
            read_committed=read_committed,
        )
        if differences := self._run(expecting.differences(self._client, expected)):
            raise AssertionError(differences)

    # ---- only for servers that were started for the test; others raise NotPossible

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move the clock of the servers forward, and run what becomes due; return their new time, in UTC."""
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return datetime.fromtimestamp(self._request("advance", seconds=total)["now_ms"] / 1000, UTC)

    def fail(
        self, api: str, error: str | int, times: int | None = 1, *, client_id: str | None = None, after: bool = False
    ) -> None:
        """Respond to the next requests of an API, such as Produce, with an error, such as NOT_LEADER_OR_FOLLOWER.

        times        number of requests; None: until `clear_faults`
        client_id    affect requests of this client.id; None: all
        after        whether requests are served first, and only the response is wrong
        """
        self._fault(api, error=str(error), times=times, client_id=client_id, after=after)

    def delay(
        self, api: str, seconds: float, times: int | None = 1, *, client_id: str | None = None, after: bool = False
    ) -> None:
        """Delay the next requests of an API; the rest as in `fail`."""
        self._fault(api, delay_s=seconds, times=times, client_id=client_id, after=after)

    def disconnect(self, api: str, times: int | None = 1, *, client_id: str | None = None, after: bool = False) -> None:
        """Close the connections of the next requests of an API instead of responding; the rest as in `fail`."""
        self._fault(api, disconnect=True, times=times, client_id=client_id, after=after)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._request("clear-faults")

    def kill_broker(self, broker: int) -> None:
        """Kill one of several brokers, as kill -9 does; the others notice it when its ZooKeeper session expires."""
        self._request("kill", broker=broker)

    def pause_broker(self, broker: int) -> None:
        """Let one of several brokers answer nothing until `resume_broker`."""
        self._request("pause", broker=broker)

    def resume_broker(self, broker: int) -> None:
        """Let a paused broker continue."""
        self._request("resume", broker=broker)

    def stop_broker(self, broker: int) -> None:
        """Stop one of several brokers in order: what it leads is moved to others first."""
        self._request("stop", broker=broker)

    def start_broker(self, broker: int) -> None:
        """Start a broker that was killed or stopped, with its address and its data, and return when it serves."""
        self._request("start", broker=broker)

    def restart_broker(self, broker: int) -> None:
        """Stop a broker in order if it is running, and start it."""
        self._request("restart", broker=broker)

    def _fault(self, api: str, **what: Any) -> None:
        self._request("fault", api=api, spared=OWN_CLIENT_ID, **what)

    def _request(self, command: str, **_arguments: Any) -> Any:
        """Return the response of the control socket. raises NotPossible"""
        raise NotPossible(
            f"{command} is not possible with {self.bootstrap_servers}, which was not started for this test"
        )

    # ---- how

    @property
    def _client(self) -> tuple[str, Mapping[str, str]]:
        """The arguments for connecting."""
        return self.bootstrap_servers, {**self.client_properties, "client.id": OWN_CLIENT_ID}

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)


class ExternalCluster(Cluster):
    """A cluster that is already running: its clock cannot be moved, and its requests do not fail on demand."""


def _operations() -> Any:
    """Loaded when it is first used: servers start meanwhile."""
    from pykafka_cli.testing import operations

    return operations


def _expecting() -> Any:
    from pykafka_cli.testing import expecting

    return expecting


def _bytes(text: Text) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
