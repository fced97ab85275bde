"""kcat (librdkafka, Debian's build) against our broker."""

import json
import subprocess
import uuid

from tests import peers
from tests.running import RunningCluster, pk


def kcat(*words: str, stdin: str = "") -> str:
    done = subprocess.run([peers.kcat(), *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_topic(cluster: RunningCluster, partitions: int = 3) -> str:
    topic = f"kcat-{uuid.uuid4().hex[:8]}"
    created = pk(
        "topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", topic, "--partitions", str(partitions)
    )
    assert created.returncode == 0, created.stderr
    return topic


def test_kcat_lists_brokers_and_topics(cluster: RunningCluster) -> None:
    topic = new_topic(cluster)

    listed = json.loads(kcat("-b", cluster.bootstrap, "-L", "-J", "-t", topic))

    assert [broker["name"] for broker in listed["brokers"]] == [cluster.bootstrap]
    assert [len(entry["partitions"]) for entry in listed["topics"] if entry["topic"] == topic] == [3]


def test_kcat_reads_back_keys_headers_and_values_it_produced_with_each_codec(cluster: RunningCluster) -> None:
    topic = new_topic(cluster, partitions=1)

    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        kcat(
            "-b",
            cluster.bootstrap,
            "-P",
            "-t",
            topic,
            "-K",
            ":",
            "-z",
            codec,
            "-H",
            f"codec={codec}",
            stdin=f"{codec}:v\n" * 50,
        )

    read = kcat("-b", cluster.bootstrap, "-C", "-t", topic, "-e", "-q", "-f", "%o %k %s %h\n").splitlines()
    codecs = [codec for codec in ("none", "gzip", "snappy", "lz4", "zstd") for _ in range(50)]
    assert read == [f"{offset} {codec} v codec={codec}" for offset, codec in enumerate(codecs)]


def test_kcat_consumes_in_a_group_and_goes_on_where_it_stopped(cluster: RunningCluster) -> None:
    topic, group = new_topic(cluster, partitions=1), f"group-{uuid.uuid4().hex[:8]}"
    member = (
        "-b",
        cluster.bootstrap,
        "-q",
        "-e",
        "-X",
        "auto.offset.reset=earliest",  # -o would make kcat ignore what is committed
        "-G",
        group,
        topic,
    )
    kcat("-b", cluster.bootstrap, "-P", "-t", topic, stdin="one\ntwo\n")

    first = kcat(*member)
    kcat("-b", cluster.bootstrap, "-P", "-t", topic, stdin="three\n")
    second = kcat(*member)

    assert (first, second) == ("one\ntwo\n", "three\n")


def test_kcat_finds_offsets_by_timestamp(cluster: RunningCluster) -> None:
    topic = new_topic(cluster, partitions=1)
    kcat("-b", cluster.bootstrap, "-P", "-t", topic, stdin="a\nb\nc\n")

    earliest = kcat("-b", cluster.bootstrap, "-Q", "-t", f"{topic}:0:0")
    latest = kcat("-b", cluster.bootstrap, "-Q", "-t", f"{topic}:0:-1")

    assert earliest.split() == [topic, "[0]", "offset", "0"]
    assert latest.split() == [topic, "[0]", "offset", "3"]


def test_kcat_produces_idempotently(cluster: RunningCluster) -> None:
    topic = new_topic(cluster, partitions=1)

    kcat("-b", cluster.bootstrap, "-P", "-t", topic, "-X", "enable.idempotence=true", stdin="once\n" * 1000)

    assert kcat("-b", cluster.bootstrap, "-C", "-t", topic, "-e", "-q").count("once\n") == 1000
