"""Each command twice, compared: Kafka's script and pk, against Apache Kafka's broker and against ours.

Each tool does the same to separate topics, whose names differ in one letter; what they print must be the same.
"""

import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.broker_processes import KafkaBroker
from tests.support.kafka_scripts import run_kafka
from tests.support.running import RunningCluster, pk
from tests.support.zookeeper.servers import pk_zookeeper

STEPS = [
    ("topics", "--create --topic {t} --partitions 3 --replication-factor 1 --config retention.ms=60000", ""),
    ("topics", "--create --topic {t}", ""),
    ("topics", "--create --topic {t} --if-not-exists", ""),
    ("topics", "--create --topic bad/{t}", ""),
    ("topics", "--describe --topic {t}", ""),
    ("topics", "--alter --topic {t} --partitions 2", ""),
    ("topics", "--alter --topic {t} --partitions 4", ""),
    ("console-producer", "--topic {t} --property parse.key=true --property key.separator=,", "k1,a\nk2,b\nk1,c\n"),
    ("console-consumer", "--topic {t} --from-beginning --max-messages 3 --property print.key=true --group g{t}", ""),
    ("get-offsets", "--topic {t}", ""),
    ("configs", "--alter --entity-type topics --entity-name {t} --add-config max.message.bytes=2000", ""),
    ("configs", "--describe --entity-type topics --entity-name {t}", ""),
    ("consumer-groups", "--delete --group g{t}", ""),
    ("topics", "--delete --topic {t}", ""),
]
TOPIC_ID = re.compile(r"TopicId: \S{22}")


@pytest.fixture(scope="module", params=["against Kafka", "against ours"])
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("side-by-side")
    if request.param == "against ours":
        cluster = RunningCluster(folder / "data")
        yield cluster.bootstrap
        assert cluster.stop() == 0
        return
    with pk_zookeeper(folder) as zookeeper:
        broker = KafkaBroker(0, folder, zookeeper.address)
        broker.start()
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


def test_pk_prints_and_returns_what_the_script_does(bootstrap: str) -> None:
    ending = uuid.uuid4().hex[:8]
    names = {"kafka": f"x{ending}", "pk": f"y{ending}"}
    runs: dict[str, Callable[..., subprocess.CompletedProcess[str]]] = {"kafka": run_kafka, "pk": pk}
    outcomes: dict[str, list[tuple[str, str, int]]] = {"kafka": [], "pk": []}

    for who, run in runs.items():
        for tool, words, stdin in STEPS:
            line = words.format(t=names[who])
            done = run(tool, "--bootstrap-server", bootstrap, *line.split(), stdin=stdin)
            printed = TOPIC_ID.sub("TopicId: <id>", done.stdout.replace(names[who], "NAME"))
            outcomes[who].append((f"{tool} {words}", printed, done.returncode))

    assert outcomes["pk"] == outcomes["kafka"]
