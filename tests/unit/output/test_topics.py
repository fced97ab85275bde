"""Lines of kafka-topics.sh."""

import uuid

import pytest

from pykafka_cli.model import BrokerId, ConfigEntry, PartitionDescription, TopicDescription
from pykafka_cli.output import topics as text
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.topic_views import TopicView
from tests.support.brokers import broker_ids

ID = uuid.UUID(int=0)
OVERRIDE = ConfigEntry("retention.ms", "1000", "DYNAMIC_TOPIC_CONFIG")
SECRET = ConfigEntry("secret", None, "DYNAMIC_TOPIC_CONFIG", is_sensitive=True)
PARTITION = PartitionDescription(0, BrokerId(1), broker_ids(1, 2), broker_ids(1, 2))


def test_a_list_without_topics_is_an_empty_line() -> None:
    assert text.listing([]) == "\n"
    assert text.listing(["a", "b"]) == "a\nb\n"


def test_a_header_ends_in_the_settings() -> None:
    topic = TopicDescription("t", ID, (PARTITION,), configs=(OVERRIDE, SECRET))

    assert text.header(topic) == (
        "Topic: t\tTopicId: AAAAAAAAAAAAAAAAAAAAAA\tPartitionCount: 1\tReplicationFactor: 2"
        "\tConfigs: retention.ms=1000,secret=null\n"
    )
    assert text.header(topic._replace(topic_id=None, configs=())).endswith("ReplicationFactor: 2\tConfigs: \n")


def test_a_partition_without_leader_says_so() -> None:
    assert text.partition("t", PARTITION._replace(leader=None, isr=())) == (
        "\tTopic: t\tPartition: 0\tLeader: none\tReplicas: 1,2\tIsr: \tElr: N/A\tLastKnownElr: N/A\n"
    )


def test_eligible_leaders_are_listed_where_the_cluster_reports_them() -> None:
    line = text.partition("t", PARTITION._replace(elr=broker_ids(1, 2), last_known_elr=()))

    assert line.endswith("\tElr: 1,2\tLastKnownElr: \n")


def test_a_reassignment_stands_between_isr_and_elr() -> None:
    moving = PartitionDescription(
        0,
        BrokerId(1),
        broker_ids(2, 3, 1),
        broker_ids(1),
        adding_replicas=broker_ids(2, 3),
        removing_replicas=broker_ids(1),
    )

    assert "\tIsr: 1\tAdding Replicas: 2,3\tRemoving Replicas: 1\tElr: N/A" in text.partition("t", moving)
    assert "ReplicationFactor: 1" in text.header(TopicDescription("t", None, (moving,)))


def test_the_older_form_has_no_blanks_in_its_header() -> None:
    topic = TopicDescription("t", ID, (PARTITION,), configs=(OVERRIDE,), is_marked_for_deletion=True)

    assert text.zookeeper_header(topic) == (
        "Topic:t\tPartitionCount:1\tReplicationFactor:2\tConfigs:retention.ms=1000\tMarkedForDeletion:true\n"
    )
    assert text.zookeeper_partition(topic, PARTITION, below_header=True) == (
        "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1,2\n"
    )
    assert text.zookeeper_partition(topic, PARTITION, below_header=False).endswith("\tMarkedForDeletion: true\n")


def test_a_table_says_all_that_the_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    partition = PARTITION._replace(
        elr=broker_ids(7), last_known_elr=broker_ids(8), adding_replicas=broker_ids(5), removing_replicas=broker_ids(6)
    )
    topic = TopicDescription("t", ID, (partition,), configs=(OVERRIDE,), is_marked_for_deletion=True)

    text.show_descriptions(OutputFormat.TABLE, [TopicView(topic, True, (partition,))])

    shown = capsys.readouterr().out
    for said in ("AAAAAAAAAAAAAAAAAAAAAA", "factor 2", "retention.ms=1000", "marked for deletion", "to 5 from 6"):
        assert said in " ".join(shown.split())
    assert [line.split()[-6:-4] for line in shown.splitlines() if line.split()[:1] == ["0"]] == [["7", "8"]]
