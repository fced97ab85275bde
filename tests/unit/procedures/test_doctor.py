"""pk doctor's checks, with peers that are as a test wants them."""

import datetime
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from kio.index import load_response_schema
from kio.schema.errors import ErrorCode

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.procedures.doctor import examine
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.rules.diagnosis import Check, Layer, State
from pykafka_cli.transport import event_loop
from tests.support.certificates import Authority
from tests.support.samples import sample
from tests.support.scripted_broker import SILENT, Responses, among_scripted_brokers

PATIENCE, HASTY = Seconds(20), Seconds(2)
AT, ELSEWHERE = "10.0.0.1:9092", "10.0.0.2:9092"
LONG_AGO_MS = 1_000_000_000_000


def examined(
    address: str, patience: Seconds = PATIENCE, properties: Mapping[str, str] = MappingProxyType({})
) -> dict[Layer, Check]:
    """The last check of each layer."""
    settings = ClientSettings(properties)
    checks = event_loop.run(examine(address, settings, patience, lambda _: None))
    return {check.layer: check for check in checks}


def examined_there(brokers: Mapping[str, Responses], bootstrap: str = AT) -> dict[Layer, Check]:
    """The last check of each layer, in a simulated network with brokers at these addresses."""
    work = examine(bootstrap, ClientSettings(), PATIENCE, lambda _: None)
    return {check.layer: check for check in among_scripted_brokers(brokers, work)}


# ---- peers


def metadata(leader: int = 1, isr: Sequence[int] = (1,), controller: int = 1) -> Any:
    """A function that makes Metadata of one broker, with one partition on brokers 1 and 2."""
    schema = load_response_schema(ApiKey.METADATA, 12)

    def made(host: str, port: int) -> Any:
        given = {
            "node_id": 1, "host": host, "port": port, "cluster_id": "c", "controller_id": controller, "name": "t",
            "leader_id": leader, "partition_index": 0, "string": "x",
        }  # fmt: skip
        found = sample(schema, given)
        (topic,) = found.topics
        (partition,) = topic.partitions
        partition = replace(partition, replica_nodes=(1, 2), isr_nodes=tuple(isr), offline_replicas=())
        return replace(found, topics=(replace(topic, partitions=(partition,)),))

    return made


def configs(_: str, __: int) -> Any:
    return sample(
        load_response_schema(ApiKey.DESCRIBE_CONFIGS, 4),
        {"resource_type": 4, "resource_name": "1", "name": "broker.id"},
    )


def log_dirs(error: ErrorCode = ErrorCode.none, usable: int = 90 << 30) -> Any:
    given = {"total_bytes": 100 << 30, "usable_bytes": usable, "log_dir": "/data", "topics": ()}

    def made(_: str, __: int) -> Any:
        found = sample(load_response_schema(ApiKey.DESCRIBE_LOG_DIRS, 4), {**given, "error_code": ErrorCode.none})
        return replace(found, results=(replace(found.results[0], error_code=error, topics=()),))

    return made


def quorum(caught_up_ms: int | None = None) -> Any:
    """Caught up now, unless another time is given."""

    def made(_: str, __: int) -> Any:
        time_ms = now_ms() if caught_up_ms is None else caught_up_ms
        given = {"leader_id": 1, "replica_id": 1, "last_caught_up_timestamp": time_ms}
        return sample(load_response_schema(ApiKey.DESCRIBE_QUORUM, 1), given)

    return made


def cluster(**changed: Any) -> Responses:
    """A healthy cluster but for what is changed, by the names of APIs."""
    healthy = {
        ApiKey.METADATA: metadata(isr=(1, 2)), ApiKey.DESCRIBE_CONFIGS: configs,
        ApiKey.DESCRIBE_LOG_DIRS: log_dirs(), ApiKey.DESCRIBE_QUORUM: quorum(),
    }  # fmt: skip
    return healthy | {ApiKey[name.upper()]: response for name, response in changed.items()}


def now_ms() -> int:
    return int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)


@contextmanager
def full_backlog() -> Iterator[str]:
    """HOST:PORT of a socket that listens, but whose queue of connections is full: the system drops others."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for each in waiting:
            each.close()


@contextmanager
def tls_server(folder: Path, authority: Authority, **given: Any) -> Iterator[str]:
    """localhost:PORT of a server that completes TLS handshakes with such a certificate, and says nothing."""
    store = folder / "server.pem"
    its = authority.identity("CN=broker", **given)
    store.write_text(its.key + its.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store)
    (folder / "trusted.pem").write_text(authority.certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()
        serving.join()


# ---- the way to a cluster


def test_a_name_service_that_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait())

    found = examined("kafka.example:9092", Seconds(0.1))
    ended.set()

    assert list(found) == [Layer.NAME]
    assert found[Layer.NAME].text.endswith("no response from the name service within 0.1 s")


def test_a_port_that_does_not_respond() -> None:
    with full_backlog() as address:
        found = examined(address, HASTY)

    assert found[Layer.TCP].state is State.FAILED
    assert found[Layer.TCP].text.endswith(f"no response within {HASTY:.1f} s")


def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    with tls_server(tmp_path, Authority(), hosts=("other.example",)) as address:
        found = examined(address, properties=trusting(tmp_path))

    assert found[Layer.TLS].state is State.FAILED
    assert "Hostname mismatch" in found[Layer.TLS].text
    assert found[Layer.TLS].advice


def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    with tls_server(tmp_path, Authority(), lasts=datetime.timedelta(days=-1)) as address:
        found = examined(address, properties=trusting(tmp_path))

    assert found[Layer.TLS].state is State.FAILED
    assert "certificate has expired" in found[Layer.TLS].text
    assert found[Layer.TLS].advice


def test_tls_where_plain_was_tried(tmp_path: Path) -> None:
    with tls_server(tmp_path, Authority()) as address:
        found = examined(address)

    assert found[Layer.PROTOCOL] == (
        Layer.PROTOCOL, State.FAILED, f"{address}: {address} is a TLS listener", found[Layer.PROTOCOL].advice,
        found[Layer.PROTOCOL].seconds,
    )  # fmt: skip
    assert "security.protocol=SSL" in found[Layer.PROTOCOL].advice[0]


def trusting(folder: Path) -> dict[str, str]:
    return {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "trusted.pem"),
    }


# ---- the cluster


def test_a_healthy_cluster_has_nothing_to_advise() -> None:
    found = examined_there({AT: cluster()})

    assert {layer: check.state for layer, check in found.items() if check.state is not State.OK} == {}
    assert {Layer.CONTROLLER, Layer.PARTITIONS, Layer.DISKS, Layer.CLOCK, Layer.LISTENERS} <= found.keys()


@pytest.mark.parametrize(
    ("changed", "layer", "state", "words"),
    [
        ({"metadata": metadata(isr=(1, 2), controller=-1)}, Layer.CONTROLLER, State.FAILED, "no active controller"),
        ({"metadata": metadata(leader=-1)}, Layer.PARTITIONS, State.FAILED, "1 (t-0) without a leader"),
        ({"metadata": metadata(leader=2)}, Layer.PARTITIONS, State.FAILED, "1 (t-0) without a leader"),
        ({"metadata": metadata(isr=(1,))}, Layer.PARTITIONS, State.WARNING, "1 (t-0) under-replicated"),
        (
            {"describe_log_dirs": log_dirs(ErrorCode.kafka_storage_error)}, Layer.DISKS, State.FAILED,
            "/data of broker 1 is offline",
        ),
        ({"describe_log_dirs": log_dirs(usable=1 << 20)}, Layer.DISKS, State.WARNING, "1 MiB (0 %) free"),
        ({"describe_quorum": quorum(LONG_AGO_MS)}, Layer.CLOCK, State.WARNING, "s behind this machine's"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_cluster(changed: Any, layer: Layer, state: State, words: str) -> None:
    check = examined_there({AT: cluster(**changed)})[layer]

    assert check.state is state
    assert words in check.text
    assert check.advice


@pytest.mark.parametrize(
    ("api", "layer"),
    [
        ("metadata", Layer.METADATA), ("describe_log_dirs", Layer.DISKS), ("describe_quorum", Layer.CLOCK),
        ("describe_configs", Layer.LISTENERS),
    ],
)  # fmt: skip
def test_an_api_that_hangs_is_named_and_the_rest_is_checked(api: str, layer: Layer) -> None:
    found = examined_there({AT: cluster(**{api: lambda *_: None})})

    assert found[layer].state in (State.FAILED, State.UNKNOWN)
    assert api == "metadata" or found[Layer.CONTROLLER].state is State.OK


def test_a_silent_bootstrap_server_does_not_take_the_time_of_the_others() -> None:
    found = examined_there({AT: cluster(), ELSEWHERE: SILENT}, f"{ELSEWHERE},{AT}")

    assert found[Layer.PROTOCOL].state is State.FAILED
    assert "accepts connections, but does not respond" in found[Layer.PROTOCOL].text
    assert {found[each].state for each in (Layer.METADATA, Layer.LISTENERS, Layer.DISKS)} == {State.OK}


def test_a_broker_that_is_another_than_the_one_advertised() -> None:
    ours = metadata(isr=(1, 2))
    advertising = cluster(metadata=lambda *_: ours("10.0.0.2", 9092))
    other = cluster(metadata=lambda *at: replace(ours(*at), cluster_id="other"))

    check = examined_there({AT: advertising, ELSEWHERE: other})[Layer.LISTENERS]

    assert check.state is State.FAILED
    assert "another cluster responds there (other)" in check.text
