import uuid

import pytest

from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.checkpoints import (
    KRAFT_VERSION,
    ZOOKEEPER_VERSION,
    MalformedFile,
    MetaProperties,
    WrongDirectory,
)
from pykafka_cli.storage.leader_epochs import EpochStart
from tests.fakes.files import MemoryFiles

OFFSETS = {TopicPartition("orders", 0): Offset(42), TopicPartition("my-topic.x", 11): Offset(0)}


@pytest.fixture
def files() -> MemoryFiles:
    files = MemoryFiles()
    files.make_directory("/logs")
    return files


def test_offsets_are_written_a_partition_a_line(files: MemoryFiles) -> None:
    checkpoints.write_offsets(files, "/logs/c", OFFSETS)

    assert files.read("/logs/c") == b"0\n2\norders 0 42\nmy-topic.x 11 0\n"
    assert checkpoints.read_offsets(files, "/logs/c") == OFFSETS


def test_a_checkpoint_that_is_not_there_or_empty_has_no_offsets(files: MemoryFiles) -> None:
    assert checkpoints.read_offsets(files, "/logs/c") == {}
    files.replace("/logs/c", b"")
    assert checkpoints.read_offsets(files, "/logs/c") == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"0", "starts with a version"),
        (b"1\n0\n", "version 1"),
        (b"0\nx\n", "starts with a version"),
        (b"0\n2\norders 0 42\n", "declares 2 lines but has 1"),
        (b"0\n1\norders zero 42\n", "line 3"),
        (b"0\n1\norders 0\n", "line 3"),
        (b"\xff\xfe", "starts with a version"),
    ],
)
def test_a_malformed_checkpoint_names_file_and_line(files: MemoryFiles, content: bytes, complaint: str) -> None:
    files.replace("/logs/c", content)

    with pytest.raises(MalformedFile, match=f"^/logs/c.*{complaint}"):
        checkpoints.read_offsets(files, "/logs/c")


def test_leader_epochs_have_the_same_frame(files: MemoryFiles) -> None:
    epochs = [EpochStart(LeaderEpoch(0), Offset(0)), EpochStart(LeaderEpoch(3), Offset(17))]

    checkpoints.write_leader_epochs(files, "/logs/c", epochs, durable=True)

    assert files.read("/logs/c") == b"0\n2\n0 0\n3 17\n"
    assert checkpoints.read_leader_epochs(files, "/logs/c") == epochs


def test_a_topic_id_is_kept_as_kafka_writes_it(files: MemoryFiles) -> None:
    files.replace("/logs/p", b"version: 0\ntopic_id: AnIwF_enRpSLqPjq0vPAUg")

    topic_id = checkpoints.read_topic_id(files, "/logs/p")
    assert topic_id == uuid.UUID("02723017-f7a7-4694-8ba8-f8ead2f3c052")
    checkpoints.write_topic_id(files, "/logs/q", topic_id)

    assert files.read("/logs/q") == files.read("/logs/p")


@pytest.mark.parametrize("content", [b"x", b"version: 0", b"version: 0\ntopic_id: abc", b"version: 1\ntopic_id: x"])
def test_a_malformed_partition_metadata_is_named(files: MemoryFiles, content: bytes) -> None:
    files.replace("/logs/p", content)

    with pytest.raises(MalformedFile, match=r"^/logs/p"):
        checkpoints.read_topic_id(files, "/logs/p")


def test_a_directory_says_whose_it_is(files: MemoryFiles) -> None:
    meta = MetaProperties(BrokerId(3), "Gq-5nTReSI2zUj2c4Kl9RA")
    assert checkpoints.read_meta_properties(files, "/logs") is None

    checkpoints.write_meta_properties(files, "/logs", meta)

    assert checkpoints.read_meta_properties(files, "/logs") == meta
    checkpoints.check_meta_properties("/logs", meta, meta)


def test_a_directory_of_a_kraft_node_says_which_of_its_directories_it_is(files: MemoryFiles) -> None:
    meta = MetaProperties(BrokerId(1), "Gq-5nTReSI2zUj2c4Kl9RA", KRAFT_VERSION, "2zq9yEY9SBe2eBrOjFjZhA")

    checkpoints.write_meta_properties(files, "/logs", meta)

    assert files.read("/logs/meta.properties").splitlines() == [
        b"#", b"cluster.id=Gq-5nTReSI2zUj2c4Kl9RA", b"directory.id=2zq9yEY9SBe2eBrOjFjZhA", b"node.id=1", b"version=1"
    ]  # fmt: skip
    assert checkpoints.read_meta_properties(files, "/logs") == meta


@pytest.mark.parametrize("version", [ZOOKEEPER_VERSION, KRAFT_VERSION])
def test_a_directory_of_the_other_mode_is_rejected(version: int) -> None:
    expected = MetaProperties(BrokerId(1), "this", 1 - version)

    with pytest.raises(WrongDirectory, match=r"^/logs/meta.properties: version \d: .* process.roles"):
        checkpoints.check_meta_properties("/logs", MetaProperties(BrokerId(1), "this", version), expected)


def test_a_kraft_node_does_not_begin_in_a_directory_that_is_not_formatted() -> None:
    with pytest.raises(WrongDirectory, match=r"No `meta.properties` found in /logs .*kafka-storage.sh"):
        checkpoints.check_meta_properties("/logs", None, MetaProperties(BrokerId(1), "this", KRAFT_VERSION))

    checkpoints.check_meta_properties("/logs", None, MetaProperties(BrokerId(1), "this", ZOOKEEPER_VERSION))


@pytest.mark.parametrize(
    ("broker_id", "cluster_id", "hint"), [(3, "other", "zookeeper.connect"), (4, "this", "broker.id is 4")]
)
def test_a_directory_of_somebody_else_is_rejected(broker_id: int, cluster_id: str, hint: str) -> None:
    with pytest.raises(WrongDirectory, match=f"^/logs/meta.properties.*{hint}"):
        checkpoints.check_meta_properties(
            "/logs", MetaProperties(BrokerId(3), "this"), MetaProperties(BrokerId(broker_id), cluster_id)
        )


def test_the_mark_of_a_clean_stop_is_taken_once(files: MemoryFiles) -> None:
    checkpoints.mark_clean_shutdown(files, "/logs")
    assert files.read("/logs/.kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":-1}'

    assert checkpoints.take_clean_shutdown_mark(files, "/logs")
    assert not checkpoints.take_clean_shutdown_mark(files, "/logs")


def test_whatever_a_cluster_is_called_is_read_as_it_was_written(files: MemoryFiles) -> None:
    meta = MetaProperties(BrokerId(1), "a\nversion=0\\ b", KRAFT_VERSION, "2zq9yEY9SBe2eBrOjFjZhA")

    checkpoints.write_meta_properties(files, "/logs", meta)

    assert checkpoints.read_meta_properties(files, "/logs") == meta


def test_in_kraft_mode_the_keys_of_kraft_are_to_be_checked() -> None:
    meta = MetaProperties(BrokerId(1), "this", KRAFT_VERSION)

    with pytest.raises(WrongDirectory, match=r"but node\.id is 2\. Check node\.id and log\.dirs"):
        checkpoints.check_meta_properties("/logs", meta, meta._replace(broker_id=BrokerId(2)))
    with pytest.raises(WrongDirectory, match=r"metadata\.log\.dir's cluster is that\. Check metadata\.log\.dir"):
        checkpoints.check_meta_properties("/logs", meta, meta._replace(cluster_id="that"))
