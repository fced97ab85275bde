"""`pk doctor`: checks one layer after another, from the name of a host to the disks of the brokers.

rules/diagnosis.py judges what is found. The cluster does not change: no topic is created, no group joined.
"""

import asyncio
import contextlib
import datetime
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pykafka_cli.clients.admin.configs import zookeeper_of
from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.clients.first_contact import has_tls_set, login_mechanisms, login_required, unsuitable
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import Address, ClientSettings, parse_addresses
from pykafka_cli.model import BrokerId, Seconds, TopicPartition
from pykafka_cli.rules.diagnosis import (
    Budget,
    Check,
    DiskFacts,
    Layer,
    PartitionFacts,
    State,
    ZooKeeperFacts,
    judge_certificate,
    judge_clock,
    judge_controller,
    judge_disks,
    judge_internal_topics,
    judge_partitions,
    judge_zookeeper,
)
from pykafka_cli.rules.generation import is_kafka_4
from pykafka_cli.script.opening import unchecked_session
from pykafka_cli.security.sasl import sasl_exchange
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.tls import tls_context
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import ConnectionFailed, Rejected, UnsuitableListener
from pykafka_cli.transport.identification import Kind, identify
from pykafka_cli.transport.port_owner import Process, owner_of

Report = Callable[[Check], None]


class _Reached(NamedTuple):
    """An address where a Kafka broker responds."""

    address: Address
    connection: Connection


@dataclass
class _Doctor:
    settings: ClientSettings
    clock: Callable[[], float]
    budget: Budget
    report: Report
    local_clusters: Sequence[str]
    found: list[Check] = field(default_factory=list)

    @property
    def patience(self) -> Seconds:
        """Seconds to wait for the next response."""
        return self.budget.left()

    def check(
        self, layer: Layer, state: State, text: str, *advice: str, began: float | None = None, at: Address | None = None
    ) -> None:
        seconds = None if began is None else self.clock() - began
        self.add(Check(layer, state, f"{_named(at)}: {text}" if at else text, tuple(filter(None, advice)), seconds))

    def add(self, check: Check) -> None:
        self.found.append(check)
        self.report(check)


async def examine(
    bootstrap: str, settings: ClientSettings, patience: Seconds, report: Report, local_clusters: Sequence[str] = ()
) -> list[Check]:
    """Run all checks, and report each as soon as it is done.

    patience          seconds for one response; all checks together take at most half as much again, whatever hangs
    local_clusters    bootstrap servers of clusters on this machine, to suggest
    raises            BadClientSetting, BadAddress
    """
    clock = asyncio.get_running_loop().time
    doctor = _Doctor(settings, clock, Budget(patience, clock), report, local_clusters)
    reaching = [asyncio.ensure_future(_reach(doctor, each)) for each in parse_addresses(bootstrap)]
    try:
        if reached := await _first_reached(reaching, patience):
            await _examine_cluster(doctor, reached)
    finally:
        for each in await asyncio.gather(*reaching):
            if each:
                each.connection.close()
    return doctor.found


async def _first_reached(reaching: Sequence[asyncio.Task[_Reached | None]], patience: Seconds) -> _Reached | None:
    """The first of the addresses where a broker responds; silent ones must not cost all the time."""
    waiting: set[asyncio.Task[_Reached | None]] = {*reaching}
    _, waiting = await asyncio.wait(waiting, timeout=patience / 2)
    while not (reached := [found for each in reaching if each.done() and (found := each.result())]) and waiting:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    return reached[0] if reached else None


# ---- one address


async def _reach(doctor: _Doctor, address: Address) -> _Reached | None:
    """Check name, TCP, TLS, protocol, and login of one address; None if one of them failed."""
    machines = await _resolve(doctor, address)
    if not machines or not await _connect(doctor, address, machines):
        return None
    security = security_settings(doctor.settings.properties)
    began = doctor.clock()
    try:
        connection = await Connection.open(
            *address,
            client_id=doctor.settings.client_id,
            tls=tls_context(security),
            timeout=doctor.patience,
        )
    except ConnectionFailed as failure:
        await _explain_handshake(doctor, address, failure, began)
        return None
    if security.has_tls:
        _describe_tls(doctor, address, connection, began)
    if not await _offered(doctor, address, connection):
        connection.close()
        return None
    if (exchange := sasl_exchange(security, address.host)) is None:
        return _Reached(address, connection)
    connection.close()
    began = doctor.clock()
    try:
        connection = await Connection.open(
            *address,
            client_id=doctor.settings.client_id,
            tls=tls_context(security),
            sasl=exchange,
            timeout=doctor.patience,
        )
    except ConnectionFailed as failure:
        doctor.check(Layer.LOGIN, State.FAILED, *explain(failure), began=began, at=address)
        return None
    doctor.check(Layer.LOGIN, State.OK, f"logged in with {exchange.mechanism}", began=began, at=address)
    return _Reached(address, connection)


async def _resolve(doctor: _Doctor, address: Address) -> list[str]:
    """The addresses of a host; empty if it has none."""
    began, patience = doctor.clock(), doctor.patience
    try:
        async with asyncio.timeout(patience):
            found = await asyncio.get_running_loop().getaddrinfo(*address, type=socket.SOCK_STREAM)
    except TimeoutError:
        text = f"no response from the name service within {patience:.1f} s"
        doctor.check(Layer.NAME, State.FAILED, text, "Check this machine's DNS servers.", began=began, at=address)
        return []
    except OSError as error:
        advice = "Check the spelling of the host name, and /etc/hosts.", f"getent hosts {address.host}"
        doctor.check(Layer.NAME, State.FAILED, error.strerror or str(error), *advice, began=began, at=address)
        return []
    machines = list(dict.fromkeys(str(at[0]) for *_, at in found))
    doctor.check(Layer.NAME, State.OK, ", ".join(machines), began=began, at=address)
    return machines


async def _connect(doctor: _Doctor, address: Address, machines: Sequence[str]) -> bool:
    """Whether any of a host's addresses accepts connections."""
    began = doctor.clock()
    problems = await asyncio.gather(*(_problem_of(each, address.port, doctor.patience) for each in machines))
    accepting = [machine for machine, problem in zip(machines, problems, strict=True) if not problem]
    if accepting:
        text = f"{', '.join(accepting)} accepts connections"
        if refusing := [machine for machine in machines if machine not in accepting]:
            text += f"; {', '.join(refusing)} does not"
        if all(map(_is_of_this_machine, accepting)) and (owner := await _owner_of(doctor, address.port)):
            text += f"; the port belongs to {owner}"
        doctor.check(Layer.TCP, State.OK, text, began=began, at=address)
        return True
    text = "; ".join(f"{machine}: {problem}" for machine, problem in zip(machines, problems, strict=True))
    doctor.check(
        Layer.TCP, State.FAILED, text, *_advice_of_refusal(doctor, machines, problems), began=began, at=address
    )
    return False


async def _owner_of(doctor: _Doctor, port: int) -> Process | None:
    """The process that listens on a port of this machine; looking at all processes can take long on a busy one."""
    began = doctor.clock()
    owner = await asyncio.to_thread(owner_of, port)
    doctor.budget.prolong(Seconds(doctor.clock() - began))
    return owner


async def _problem_of(machine: str, port: int, patience: Seconds) -> str:
    """Why no connection can be made; empty if one can."""
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(machine, port)
    except TimeoutError:
        return f"no response within {patience:.1f} s"
    except OSError as error:
        return "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or str(error)
    writer.transport.abort()
    return ""


def _advice_of_refusal(doctor: _Doctor, machines: Sequence[str], problems: Sequence[str]) -> tuple[str, ...]:
    if all(map(_is_of_this_machine, machines)):
        if doctor.local_clusters:
            listed = (f"pk doctor {each}" for each in doctor.local_clusters)
            return "Nothing listens on this port of this machine, but pk up runs a cluster on another:", *listed
        return (
            "Nothing listens on this port of this machine. Start a broker, or give the port of a running one:",
            "pk up",
        )
    if "connection refused" in problems:
        return (
            "The machine responds, but nothing listens on this port: check the port, and whether a broker is running.",
        )
    return ("Check the address, and whether a firewall or a security group drops connections to this port.",)


def _is_of_this_machine(machine: str) -> bool:
    return machine == "::1" or machine.startswith("127.")


async def _explain_handshake(doctor: _Doctor, address: Address, failure: ConnectionFailed, began: float) -> None:
    """Explain a connection that failed after TCP: in TLS, or because it was closed at once."""
    text, hint = explain(failure)
    if not isinstance(failure, Rejected):
        peer = await identify(*address, doctor.patience / 2)
        if problem := unsuitable(peer, _named(address), has_tls=True):
            text, hint = explain(problem)
    doctor.check(Layer.TLS, State.FAILED, text, hint, began=began, at=address)


def _describe_tls(doctor: _Doctor, address: Address, connection: Connection, began: float) -> None:
    """Describe the broker's certificate; whose it is does not matter here if names are not checked."""
    from cryptography import x509

    tls = connection.tls
    assert tls
    certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    check = judge_certificate(
        certificate.subject.rfc4514_string() or "no name",
        certificate.issuer.rfc4514_string() or "no name",
        left.total_seconds(),
        tls.version() or "TLS",
    )
    doctor.add(check._replace(text=f"{_named(address)}: {check.text}", seconds=doctor.clock() - began))


async def _offered(doctor: _Doctor, address: Address, connection: Connection) -> bool:
    """Check that a Kafka broker is behind an open connection."""
    began = doctor.clock()
    try:
        offered = await connection.api_versions()
    except ConnectionFailed as failure:
        text, hint = explain(failure)
        peer = await identify(*address, doctor.patience / 2)
        if problem := unsuitable(peer, _named(address), has_tls=has_tls_set(doctor.settings)):
            text, hint = explain(problem)
        doctor.check(Layer.PROTOCOL, State.FAILED, text, hint, began=began, at=address)
        return False
    generation = "4.0 or later" if is_kafka_4(offered) else "before 4.0"
    doctor.check(Layer.PROTOCOL, State.OK, "Kafka", began=began, at=address)
    doctor.check(Layer.API_VERSIONS, State.OK, f"{len(offered)} APIs, as of Kafka {generation}", at=address)
    return True


# ---- the cluster


async def _examine_cluster(doctor: _Doctor, reached: _Reached) -> None:
    """Check the cluster's metadata, through the first address that responded."""
    session = unchecked_session(_named(reached.address), doctor.settings)
    began = doctor.clock()
    async with contextlib.AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(doctor.patience):
                await opened.enter_async_context(session)
                answer = await session.metadata(topics=None)
        except (ConnectionFailed, ApiError, TimeoutError) as failure:
            await _explain_metadata(doctor, reached, failure, began)
            return
        brokers = {each.node_id: f"{each.host}:{each.port}" for each in answer.brokers}
        counted = f"{len(brokers)} brokers" if len(brokers) != 1 else "1 broker"
        doctor.check(Layer.METADATA, State.OK, f"cluster {answer.cluster_id}, {counted}", began=began)
        controller = None if answer.controller_id < 0 else answer.controller_id
        partitions = _partitions(answer)
        doctor.add(judge_controller(controller, brokers))
        doctor.add(judge_partitions(partitions))
        doctor.add(judge_internal_topics(partitions, len(brokers)))
        await asyncio.gather(
            _examine_listeners(doctor, session, answer),
            _examine_disks(doctor, session, list(brokers)),
            _examine_clock(doctor, session),
            _examine_zookeeper(doctor, session, has_controller=controller is not None),
        )


async def _explain_metadata(doctor: _Doctor, reached: _Reached, failure: Exception, began: float) -> None:
    nothing = f"{_named(reached.address)} has stopped responding"
    text, hint = explain(failure) if isinstance(failure, ConnectionFailed) else (str(failure) or nothing, "")
    layer = Layer.METADATA
    if isinstance(failure, TimeoutError):
        mechanisms = await login_mechanisms(*reached.address, doctor.settings, Seconds(doctor.patience / 2))
        if mechanisms:
            failure = login_required(_named(reached.address), mechanisms, has_tls=has_tls_set(doctor.settings))
            text, hint = explain(failure)
    if isinstance(failure, UnsuitableListener):
        layer = Layer.LOGIN
    doctor.check(layer, State.FAILED, text, hint, began=began)


def _partitions(answer: Any) -> list[PartitionFacts]:
    alive = {each.node_id for each in answer.brokers}
    return [
        PartitionFacts(
            TopicPartition(topic.name or "", each.partition_index),
            each.leader_id if each.leader_id in alive else None,
            tuple(each.replica_nodes),
            tuple(each.isr_nodes),
        )
        for topic in answer.topics
        for each in topic.partitions
    ]


async def _examine_listeners(doctor: _Doctor, session: Session, answer: Any) -> None:
    """Check each broker's advertised address: is it reachable, and is it that broker of that cluster?"""

    async def examine_one(broker: BrokerId, address: Address) -> None:
        began, patience = doctor.clock(), doctor.patience
        try:
            async with asyncio.timeout(patience):
                problem = await _problem_of_listener(session, broker, answer.cluster_id)
        except TimeoutError:
            problem = f"no response within {patience:.1f} s"
        except (ConnectionFailed, ApiError) as failure:
            problem = str(failure)
        text = f"broker {broker} advertises {_named(address)}"
        if not problem:
            doctor.check(Layer.LISTENERS, State.OK, f"{text}, which is reachable from here", began=began)
            return
        advice = (
            f"Clients connect to this address for the partitions of broker {broker}: set its advertised.listeners to "
            "one that is reachable from here, or make this one lead to the broker (/etc/hosts, DNS, a port forward)."
        )
        doctor.check(Layer.LISTENERS, State.FAILED, f"{text}: {problem}", advice, began=began)

    await asyncio.gather(*(examine_one(each.node_id, Address(each.host, each.port)) for each in answer.brokers))


async def _problem_of_listener(session: Session, broker: BrokerId, cluster_id: str | None) -> str:
    """What is wrong with a broker's address; empty if the broker itself responds there.

    raises    ConnectionFailed, ApiError
    """
    from kio.schema.metadata.v12.request import MetadataRequest

    request = MetadataRequest(topics=(), allow_auto_topic_creation=False, include_topic_authorized_operations=False)
    answer = await session.ask(request, broker=broker, oldest=1)
    if answer.cluster_id != cluster_id:
        return f"another cluster responds there ({answer.cluster_id})"
    return await _other_broker(session, broker)


async def _other_broker(session: Session, broker: BrokerId) -> str:
    """A broker describes only its own configs: the error of one with another id."""
    from pykafka_cli.clients.admin.configs import Resource, describe_configs
    from pykafka_cli.model import ConfigResourceType

    try:
        await describe_configs(session, [Resource(ConfigResourceType.BROKER, str(broker))])
    except ApiError as error:
        return "another broker of the cluster responds there" if "Unexpected broker id" in str(error) else ""
    return ""


async def _examine_disks(doctor: _Doctor, session: Session, brokers: Sequence[BrokerId]) -> None:
    from kio.schema.describe_log_dirs.v4.request import DescribeLogDirsRequest

    async def directories(broker: BrokerId) -> list[DiskFacts]:
        async with asyncio.timeout(doctor.patience):
            answer = await session.ask(DescribeLogDirsRequest(topics=()), broker=broker)
        return [
            DiskFacts(
                broker,
                each.log_dir,
                str(ApiError(each.error_code)) if each.error_code else None,
                _known(each.total_bytes),
                _known(each.usable_bytes),
            )
            for each in answer.results
        ]

    began = doctor.clock()
    answers = await asyncio.gather(*map(directories, brokers), return_exceptions=True)
    for each in answers:
        if isinstance(each, BaseException) and not isinstance(each, ConnectionFailed | ApiError | TimeoutError):
            raise each
    found = [disk for each in answers if not isinstance(each, BaseException) for disk in each]
    if found:
        doctor.add(judge_disks(found)._replace(seconds=doctor.clock() - began))
    else:
        doctor.check(Layer.DISKS, State.UNKNOWN, "the brokers do not report it", began=began)


def _known(size: int) -> int | None:
    return None if size < 0 else int(size)


async def _examine_clock(doctor: _Doctor, session: Session) -> None:
    """Compare clocks: a KRaft controller reports when each replica was last caught up, for itself the present."""
    from pykafka_cli.clients.admin.quorum import describe_quorum
    from pykafka_cli.protocol.api_keys import ApiKey

    began, now = doctor.clock(), time.time()
    ahead, how = None, "the cluster does not show its clock"
    try:
        async with asyncio.timeout(doctor.patience):
            if ApiKey.DESCRIBE_QUORUM in await session.api_versions():
                caught_up_ms = (await describe_quorum(session)).leader_replica.last_caught_up_ms
                if caught_up_ms is not None:
                    ahead, how = caught_up_ms / 1000 - now, "the controller's clock"
    except (ConnectionFailed, ApiError, TimeoutError):
        pass
    took = doctor.clock() - began
    doctor.add(judge_clock(None if ahead is None else ahead - took / 2, took / 2, how)._replace(seconds=took))


async def _examine_zookeeper(doctor: _Doctor, session: Session, *, has_controller: bool) -> None:
    """Ask each server that the brokers name in zookeeper.connect; in KRaft mode there is none to check."""
    began = doctor.clock()
    try:
        async with asyncio.timeout(doctor.patience):
            connect = await zookeeper_of(session)
    except (ConnectionFailed, ApiError, TimeoutError) as failure:
        text = f"the brokers do not say where it is: {failure or 'no response'}"
        doctor.check(Layer.ZOOKEEPER, State.UNKNOWN, text, began=began)
        return
    if connect is None:
        return
    addresses = parse_addresses(connect.partition("/")[0])
    peers = await asyncio.gather(*(identify(*each, doctor.patience / 2) for each in addresses))
    facts = [
        ZooKeeperFacts(_named(address), peer.kind is not Kind.UNREACHABLE, peer.first_bytes.decode(errors="replace"))
        for address, peer in zip(addresses, peers, strict=True)
    ]
    doctor.add(judge_zookeeper(facts, has_controller=has_controller)._replace(seconds=doctor.clock() - began))


def _named(address: Address) -> str:
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
