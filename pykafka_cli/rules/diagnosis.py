"""The conclusions of `pk doctor`: a check for each layer, and what would help.

Pure: procedures/doctor.py collects the facts, this module judges them.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from pykafka_cli.model import BrokerId, Seconds, TopicPartition

SHOWN_PARTITIONS = 3
CERTIFICATE_WARNING_DAYS = 30
LOW_DISK_SHARE = 0.1
LOW_DISK_BYTES = 1 << 30
MAX_CLOCK_SKEW_S = 5.0
_DAY_S = 86_400
_ALL_TO_EACH, _LEAST_SHARE = 1.5, 0.05
_MEBIBYTE = 1 << 20


class Layer(StrEnum):
    """Layers from the wire to the cluster, in the order in which they are checked."""

    NAME = "name resolution"
    TCP = "TCP"
    TLS = "TLS"
    PROTOCOL = "protocol"
    LOGIN = "SASL"
    API_VERSIONS = "API versions"
    METADATA = "metadata"
    CONTROLLER = "controller"
    LISTENERS = "advertised listeners"
    PARTITIONS = "partitions"
    INTERNAL_TOPICS = "internal topics"
    DISKS = "disks"
    CLOCK = "clock"
    ZOOKEEPER = "ZooKeeper"


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be checked, or the cluster does not report it."""


class Check(NamedTuple):
    """The result of one check.

    advice     what would help, commands on separate lines; empty if all is well
    seconds    how long it took; None for a conclusion from earlier checks
    """

    layer: Layer
    state: State
    text: str
    advice: tuple[str, ...] = ()
    seconds: float | None = None


class PartitionFacts(NamedTuple):
    """One partition as Metadata describes it; `leader` is None without a live one."""

    partition: TopicPartition
    leader: BrokerId | None
    replicas: tuple[BrokerId, ...]
    isr: tuple[BrokerId, ...]


class DiskFacts(NamedTuple):
    """One log directory. Sizes in bytes, None if the broker does not report them (KIP-827, since 3.3)."""

    broker: BrokerId
    directory: str
    error: str | None
    total_bytes: int | None
    usable_bytes: int | None


class ZooKeeperFacts(NamedTuple):
    """One server of zookeeper.connect.

    is_reachable    whether it accepts connections from here
    response        to srvr, a four-letter word; other bytes, or none, if it does not respond to that
    """

    address: str
    is_reachable: bool
    response: str


class Budget:
    """Time for checks: `each` for one, and for all together half as much again.

    clock    seconds, monotonic
    """

    def __init__(self, each: Seconds, clock: Callable[[], float]) -> None:
        self._each, self._clock = each, clock
        self._ends = clock() + each * _ALL_TO_EACH

    def prolong(self, seconds: Seconds) -> None:
        """Not count time in which nothing was waited for."""
        self._ends += seconds

    def left(self) -> Seconds:
        """Seconds for the next check; a little even if no time is left, so that each is tried."""
        return Seconds(max(min(self._each, self._ends - self._clock()), self._each * _LEAST_SHARE))


def judge_certificate(subject: str, issuer: str, expires_in_s: float, version: str) -> Check:
    """Judge the broker's certificate, after a successful handshake."""
    days = int(expires_in_s // _DAY_S)
    text = f"{version}, certificate of {subject}, signed by {issuer}, valid for {days} days"
    if days < CERTIFICATE_WARNING_DAYS:
        return Check(Layer.TLS, State.WARNING, text, ("Renew the broker's certificate.",))
    return Check(Layer.TLS, State.OK, text)


def judge_controller(controller: BrokerId | None, brokers: Mapping[BrokerId, str]) -> Check:
    if controller is None:
        advice = (
            "Topics cannot be created, and leaders cannot change, until there is a controller.",
            "Check that ZooKeeper, or the quorum of KRaft controllers, is running, and look at the brokers' logs.",
        )
        return Check(Layer.CONTROLLER, State.FAILED, "there is no active controller", advice)
    where = f" ({brokers[controller]})" if controller in brokers else ""
    return Check(Layer.CONTROLLER, State.OK, f"broker {controller}{where}")


def judge_partitions(partitions: Sequence[PartitionFacts]) -> Check:
    """Judge partitions without a leader, and those with replicas out of sync."""
    leaderless = [each for each in partitions if each.leader is None]
    lacking = [each for each in partitions if each.leader is not None and len(each.isr) < len(each.replicas)]
    if not partitions:
        return Check(Layer.PARTITIONS, State.OK, "there are none yet")
    counted = f"{len(partitions)} partitions" if len(partitions) != 1 else "1 partition"
    if not leaderless and not lacking:
        return Check(Layer.PARTITIONS, State.OK, f"{counted}, all with a leader and all replicas in sync")
    texts, advice = [], []
    if leaderless:
        texts.append(f"{_some_of(leaderless)} without a leader")
        gone = sorted({each for facts in leaderless for each in facts.replicas})
        advice += [f"Start broker {' or '.join(map(str, gone))} again: it has replicas of these partitions."]
        advice += ["pk topics --describe --unavailable-partitions"]
    if lacking:
        texts.append(f"{_some_of(lacking)} under-replicated")
        behind = sorted({each for facts in lacking for each in set(facts.replicas) - set(facts.isr)})
        advice += [f"Look at broker {', '.join(map(str, behind))}: it has stopped, or cannot keep up."]
        advice += ["pk topics --describe --under-replicated-partitions"]
    state = State.FAILED if leaderless else State.WARNING
    return Check(Layer.PARTITIONS, state, f"of {counted}: {'; '.join(texts)}", tuple(advice))


def _some_of(found: Sequence[PartitionFacts]) -> str:
    names = ", ".join(str(each.partition) for each in found[:SHOWN_PARTITIONS])
    return f"{len(found)} ({names}{', ...' if len(found) > SHOWN_PARTITIONS else ''})"


def judge_internal_topics(partitions: Sequence[PartitionFacts], brokers: int) -> Check:
    """Judge whether groups and transactions work: their topics exist, with replicas on several brokers."""
    texts, advice, state = [], [], State.OK
    for topic, purpose in (("__consumer_offsets", "group"), ("__transaction_state", "transaction")):
        theirs = [each for each in partitions if each.partition.topic == topic]
        if not theirs:
            texts.append(f"{topic} will be created for the first {purpose}")
            continue
        replicas = min(len(each.replicas) for each in theirs)
        texts.append(f"{topic} with {len(theirs)} partitions, {_replicas(replicas)}")
        if any(each.leader is None for each in theirs):
            state = State.FAILED
            advice.append(f"A {purpose} whose partition of {topic} has no leader does not work.")
        elif brokers > 1 and replicas == 1:
            state = max(state, State.WARNING, key=[State.OK, State.WARNING, State.FAILED].index)
            advice.append(f"The loss of one broker stops each {purpose} there: add replicas of {topic}.")
            advice.append("pk reassign-partitions --generate --topics-to-move-json-file FILE --broker-list ID,ID,ID")
    return Check(Layer.INTERNAL_TOPICS, state, "; ".join(texts), tuple(advice))


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def judge_disks(disks: Sequence[DiskFacts]) -> Check:
    """Judge directories that are offline or nearly full."""
    offline = [each for each in disks if each.error]
    low = [each for each in disks if not each.error and _is_low(each)]
    if offline:
        texts = [f"{each.directory} of broker {each.broker} is offline: {each.error}" for each in offline]
        return Check(
            Layer.DISKS,
            State.FAILED,
            "; ".join(texts),
            ("Look at the log of that broker, repair or replace the disk, and start the broker again.",),
        )
    if low:
        texts = [f"{each.directory} of broker {each.broker}: {_free(each)}" for each in low]
        advice = (
            "Delete what is not needed, or shorten its retention:",
            "pk log-dirs --describe",
            "pk configs --alter --entity-type topics --entity-name TOPIC --add-config retention.ms=MILLISECONDS",
        )
        return Check(Layer.DISKS, State.WARNING, "; ".join(texts), advice)
    known = [each for each in disks if each.total_bytes and each.usable_bytes is not None]
    if not known:
        return Check(Layer.DISKS, State.OK, f"{_directories(disks)} online; brokers before 3.3 do not report how full")
    fullest = min(known, key=lambda each: (each.usable_bytes or 0) / (each.total_bytes or 1))
    return Check(Layer.DISKS, State.OK, f"{_directories(disks)} online; the fullest has {_free(fullest)}")


def _directories(disks: Sequence[DiskFacts]) -> str:
    return "1 log directory" if len(disks) == 1 else f"{len(disks)} log directories"


def _is_low(disk: DiskFacts) -> bool:
    if not disk.total_bytes or disk.usable_bytes is None:
        return False
    return disk.usable_bytes < max(LOW_DISK_BYTES, min(disk.total_bytes * LOW_DISK_SHARE, 10 * LOW_DISK_BYTES))


def _free(disk: DiskFacts) -> str:
    total, usable = disk.total_bytes or 1, disk.usable_bytes or 0
    return f"{usable // _MEBIBYTE:,} MiB ({100 * usable / total:.0f} %) free"


def judge_clock(ahead_s: float | None, uncertainty_s: float, how: str) -> Check:
    """Compare the cluster's clock with ours.

    ahead_s          seconds by which the cluster's is ahead; None if the cluster does not show it
    uncertainty_s    half the time that the request took
    how              what was compared
    """
    if ahead_s is None:
        return Check(Layer.CLOCK, State.UNKNOWN, how)
    if abs(ahead_s) <= MAX_CLOCK_SKEW_S + uncertainty_s:
        return Check(Layer.CLOCK, State.OK, f"within {abs(ahead_s) + uncertainty_s:.1f} s of this machine's ({how})")
    direction = "ahead of" if ahead_s > 0 else "behind"
    advice = ("Retention, timestamps, certificates, and tokens depend on it: synchronize the clocks (NTP).",)
    return Check(Layer.CLOCK, State.WARNING, f"{abs(ahead_s):.0f} s {direction} this machine's ({how})", advice)


def judge_zookeeper(servers: Sequence[ZooKeeperFacts], *, has_controller: bool) -> Check:
    """Judge the servers that the brokers use. Clients need not reach them, so that alone is not wrong."""
    serving = [each for each in servers if _mode(each)]
    texts = [f"{each.address} {_mode(each) or _why_not(each)}" for each in servers]
    if len(serving) == len(servers):
        return Check(Layer.ZOOKEEPER, State.OK, "; ".join(texts))
    idle = [each for each in servers if _NOT_SERVING in each.response]
    if idle and not serving:
        advice = "Start more servers of the ensemble: it serves while more than half of them run."
        return Check(Layer.ZOOKEEPER, State.FAILED, "; ".join(texts), (advice,))
    if serving:
        advice = "Start the others again: the ensemble stops when only half of its servers are left."
        return Check(Layer.ZOOKEEPER, State.WARNING, "; ".join(texts), (advice,))
    if not has_controller:
        advice = "Without ZooKeeper there is no controller: check that it runs, and that the brokers reach it."
        return Check(Layer.ZOOKEEPER, State.FAILED, "; ".join(texts), (advice,))
    return Check(Layer.ZOOKEEPER, State.UNKNOWN, "; ".join(texts))


_NOT_SERVING = "not currently serving requests"


def _mode(server: ZooKeeperFacts) -> str:
    """`is standalone, version 3.8.4`, in the words of its response; empty if it does not serve."""
    fields = dict(line.split(": ", 1) for line in server.response.splitlines() if ": " in line)
    if "Mode" not in fields:
        return ""
    version = fields.get("Zookeeper version", "").partition("-")[0]
    return f"is {'a ' if fields['Mode'] != 'standalone' else ''}{fields['Mode']}, version {version}"


def _why_not(server: ZooKeeperFacts) -> str:
    if _NOT_SERVING in server.response:
        return "serves no requests, since it has no quorum"
    if not server.is_reachable:
        return "cannot be reached from here"
    return "accepts connections, but does not respond to srvr"


def is_healthy(checks: Sequence[Check]) -> bool:
    """Whether nothing is wrong; unchecked is not wrong."""
    return all(each.state in (State.OK, State.UNKNOWN) for each in checks)
