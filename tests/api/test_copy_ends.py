"""A copy whose source has lost what was to be copied ends, and says so."""

from contextlib import AsyncExitStack

import pytest

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Offset, Seconds, TopicPartition
from pykafka_cli.procedures.copy import Bounds, Copier, CopyFailed, Progress, TopicCopy
from tests.support.running import RunningCluster, pk

LOOK_EVERY = Seconds(0.01)


def create(cluster: RunningCluster, topic: str) -> TopicPartition:
    """A topic of three records, and one for their copies."""
    for name in (topic, f"{topic}-new"):
        pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name, "--partitions", "1")
    done = pk("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, stdin="1\n2\n3\n")
    assert done.returncode == 0, done.stderr
    return TopicPartition(topic, 0)


async def test_a_log_that_ends_earlier_than_it_did_is_copied_to_its_end(cluster: RunningCluster) -> None:
    partition = create(cluster, "shortened")
    warnings: list[str] = []
    bounds = Bounds({partition: Offset(0)}, {partition: Offset(5)})

    async with AsyncExitStack() as opened:
        session = await opened.enter_async_context(Session(cluster.bootstrap, ClientSettings()))
        copier = Copier(
            session, session, [TopicCopy("shortened", "shortened-new", True)], bounds, group=None, max_messages=None,
            follow=False, warn=warnings.append, on_progress=lambda _: None, look_every=LOOK_EVERY,
        )  # fmt: skip
        await opened.enter_async_context(copier)
        await copier.copy()

    assert copier.progress.done == 3
    assert warnings == ["shortened-0: the log ends at offset 3 now, and not at 5 as it did before"]


@pytest.mark.parametrize("follow", [False, True])
async def test_a_topic_that_is_deleted_meanwhile_is_an_error(cluster: RunningCluster, follow: bool) -> None:
    topic = f"vanishing-{follow}"
    partition = create(cluster, topic)
    bounds = Bounds({partition: Offset(0)}, {partition: Offset(5)})

    async with AsyncExitStack() as opened:
        session = await opened.enter_async_context(Session(cluster.bootstrap, ClientSettings()))

        def delete_after_the_first(progress: Progress) -> None:
            if progress.done == 3:
                done = pk("topics", "--bootstrap-server", cluster.bootstrap, "--delete", "--topic", topic)
                assert done.returncode == 0, done.stderr

        copier = Copier(
            session, session, [TopicCopy(topic, f"{topic}-new", True)], bounds, group=None, max_messages=None,
            follow=follow, warn=lambda _: None, on_progress=delete_after_the_first, look_every=LOOK_EVERY,
        )  # fmt: skip
        await opened.enter_async_context(copier)
        with pytest.raises(CopyFailed, match=f"{topic}-0 does not exist any more"):
            await copier.copy()
