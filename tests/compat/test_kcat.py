"""kcat (librdkafka, Debian's build) against our broker."""

import json
import subprocess
import uuid

import pytest

from tests.support import peers
from tests.support.running import RunningCluster, pk


def kcat(*words: str, stdin: str = "") -> str:
    done = subprocess.run([peers.kcat(), *words], input=stdin, capture_output=True, text=True, timeout=120, check=False)
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


def test_kcat_consumes_in_a_group_and_continues_where_it_stopped(cluster: RunningCluster) -> None:
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


def as_of(release: str) -> tuple[str, ...]:
    """kcat's options for speaking as clients of that release did: no ApiVersions, Produce 0-2, Fetch 0-3."""
    return ("-X", "api.version.request=false", "-X", f"broker.version.fallback={release}")


@pytest.mark.parametrize("release", ["0.8.0", "0.9.0.1", "0.10.0.1", "0.10.1.0"])
@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4"])
def test_kcat_as_of_old_releases_produces_and_consumes(cluster: RunningCluster, release: str, codec: str) -> None:
    topic = new_topic(cluster, partitions=1)
    sent = "".join(f"{number}:v\n" for number in range(300))

    kcat("-b", cluster.bootstrap, *as_of(release), "-P", "-t", topic, "-K", ":", "-z", codec, stdin=sent)

    reading = ("-C", "-t", topic, "-e", "-q", "-f", "%o %k %s\n")
    expected = "".join(f"{number} {number} v\n" for number in range(300))
    assert kcat("-b", cluster.bootstrap, *as_of(release), *reading) == expected
    assert kcat("-b", cluster.bootstrap, *reading) == expected


@pytest.mark.parametrize(("release", "has_times"), [("0.9.0.1", False), ("0.10.0.1", True)])
def test_kcat_as_of_old_releases_reads_new_records(cluster: RunningCluster, release: str, has_times: bool) -> None:
    topic = new_topic(cluster, partitions=1)
    for codec in ("none", "gzip", "snappy", "lz4"):
        written = ("-P", "-t", topic, "-z", codec, "-H", "h=x")
        kcat("-b", cluster.bootstrap, *written, stdin=f"{codec}\n" * 100)

    old = ("-b", cluster.bootstrap, *as_of(release), "-C", "-t", topic, "-q")

    assert kcat(*old, "-e", "-f", "%s\n").split() == [
        codec for codec in ("none", "gzip", "snappy", "lz4") for _ in range(100)
    ]
    assert kcat(*old, "-o", "155", "-c", "1", "-f", "%o %s\n") == "155 gzip\n"
    assert (int(kcat(*old, "-c", "1", "-f", "%T\n")) > 0) is has_times


def test_kcat_as_of_0_9_consumes_in_a_group(cluster: RunningCluster) -> None:
    topic, group = new_topic(cluster, partitions=1), f"group-{uuid.uuid4().hex[:8]}"
    kcat("-b", cluster.bootstrap, *as_of("0.9.0.1"), "-P", "-t", topic, stdin="one\ntwo\n")
    member = (
        "-b",
        cluster.bootstrap,
        *as_of("0.9.0.1"),
        "-q",
        "-e",
        "-X",
        "auto.offset.reset=earliest",
        "-G",
        group,
        topic,
    )

    first = kcat(*member)
    kcat("-b", cluster.bootstrap, *as_of("0.9.0.1"), "-P", "-t", topic, stdin="three\n")

    assert (first, kcat(*member)) == ("one\ntwo\n", "three\n")
