"""Reading in share groups of Apache Kafka 4.3, near, far away, and over connections that end."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.far_cluster import FAR, FLAKY, Proxy, Road
from tests.support.kafka_4 import Kafka4
from tests.support.ports import free_port
from tests.support.running import pk

LINES = [f"line {number}" for number in range(20)]


@pytest.fixture(scope="module", params=[None, FAR, FLAKY], ids=["near", "far", "flaky"])
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("kafka-4")
    road: Road | None = request.param
    if road is None:
        server = Kafka4(folder)
        server.start()
        yield server.bootstrap
        server.kill()
        return
    own = free_port()
    with closing(Proxy(own, road)) as proxy:
        server = Kafka4(folder, port=own, more=f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}")
        server.start()
        yield f"127.0.0.1:{proxy.port}"
        server.kill()


def done(*words: str, stdin: str = "") -> str:
    result = pk(*words, stdin=stdin, timeout=120)
    assert result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"
    return result.stdout


def read(bootstrap: str, topic: str, *words: str, count: int) -> list[str]:
    share = ("console-share-consumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", f"of-{topic}")
    printed = ("--formatter-property", "print.delivery=true", "--max-messages", str(count), "--timeout-ms", "60000")
    return done(*share, *printed, *words).splitlines()


def filled(bootstrap: str, topic: str) -> None:
    connection = ("--bootstrap-server", bootstrap)
    done("topics", *connection, "--create", "--topic", topic, "--partitions", "1")
    group = ("--alter", "--group", f"of-{topic}", "--add-config", "share.auto.offset.reset=earliest")
    done("configs", *connection, *group)
    done("console-producer", *connection, "--topic", topic, stdin="".join(f"{line}\n" for line in LINES))


def test_what_was_accepted_is_given_to_nobody_else_and_the_rest_is(bootstrap: str) -> None:
    filled(bootstrap, "accepted")

    first = read(bootstrap, "accepted", count=5)
    rest = read(bootstrap, "accepted", count=15)

    assert [line.partition("\t")[2] for line in first] == LINES[:5]
    assert sorted(line.partition("\t")[2] for line in rest) == sorted(LINES[5:])


def test_what_was_released_is_given_again_and_says_so(bootstrap: str) -> None:
    filled(bootstrap, "released")

    first = read(bootstrap, "released", "--release", count=1)
    again = read(bootstrap, "released", "--reject", count=1)

    assert first[0].endswith("\tline 0")
    assert again[0].endswith("\tline 0")
    assert int(again[0].partition("\t")[0].removeprefix("Delivery:")) > 1
