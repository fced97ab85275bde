"""`pk topics --zookeeper`: kafka-topics.sh as it was up to Kafka 2.2, through znodes."""

from pykafka_cli.clients.admin.zookeeper import (
    AdminRefused,
    TopicExists,
    ZooKeeperAdmin,
    ZooKeeperError,
    ZooKeeperUnreachable,
)
from pykafka_cli.model import TopicListing
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.output.topics import (
    show_collision_warning,
    show_config_warning,
    show_configured,
    show_created,
    show_marked_for_deletion,
    show_missing,
    show_partitions_added,
    show_partitions_warning,
    show_zookeeper_descriptions,
    show_zookeeper_listing,
)
from pykafka_cli.procedures.topics import TopicsFailed, TopicsRequest
from pykafka_cli.procedures.zookeeper_security import security_of
from pykafka_cli.replica_assignment import AssignmentRefused
from pykafka_cli.rules.topic_arguments import (
    BadArgument,
    format_version_warning,
    parse_config_names,
    parse_replica_assignment,
    parse_topic_configs,
)
from pykafka_cli.rules.topic_views import view_topics
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.topic_names import CONSUMER_OFFSETS, is_internal, may_collide


async def through_zookeeper(request: TopicsRequest, connect: str) -> None:
    """Perform the action.

    raises    TopicsFailed, InvalidRegex; ScriptError if no ZooKeeper responds
    """
    actions = {
        "list": list_topics,
        "describe": describe_topics,
        "create": create_topic,
        "alter": alter_topics,
        "delete": delete_topics,
    }
    try:
        async with ZooKeeperAdmin(connect, security_of(None)) as zookeeper:
            await actions[request.action](request, zookeeper)
    except ZooKeeperUnreachable as error:
        raise ScriptError(str(error), hint="`pk up` starts one on this machine, with a broker.") from None
    except (BadArgument, AdminRefused, AssignmentRefused, ZooKeeperError) as error:
        raise TopicsFailed(str(error)) from None


async def list_topics(request: TopicsRequest, zookeeper: ZooKeeperAdmin) -> None:
    names = request.matching(await zookeeper.topics())
    marked = await zookeeper.marked_for_deletion()
    listings: list[TopicListing] = []
    for name in names if request.output is not OutputFormat.KAFKA else []:
        if described := await zookeeper.describe_topic(name):
            replicas = described.partitions[0].replication_factor if described.partitions else 0
            listings.append(
                TopicListing(name, described.topic_id, is_internal(name), len(described.partitions), replicas)
            )
    show_zookeeper_listing(request.output, names, marked, listings)


async def describe_topics(request: TopicsRequest, zookeeper: ZooKeeperAdmin) -> None:
    names = await _existing(request, zookeeper, none_is_fine=request.if_exists or request.topic is None)
    marked = await zookeeper.marked_for_deletion()
    live_brokers = {broker.id for broker in await zookeeper.brokers()}
    found = []
    for name in names:
        if described := await zookeeper.describe_topic(name, is_marked_for_deletion=name in marked):
            found.append(described)
        else:
            show_missing(request.output, name)
    views = view_topics(found, request.filter, live_brokers)
    show_zookeeper_descriptions(request.output, views)


async def create_topic(request: TopicsRequest, zookeeper: ZooKeeperAdmin) -> None:
    name = request.topic or ""
    assignment = parse_replica_assignment(request.replica_assignment) if request.replica_assignment else None
    configs = parse_topic_configs(request.configs)
    if warning := format_version_warning(configs):
        notice(request.output, warning)
    if may_collide(name):
        show_collision_warning(request.output)
    try:
        await zookeeper.create_topic(
            name,
            partitions=request.partitions or 0,
            replication_factor=request.replication_factor or 0,
            assignment=assignment,
            configs=configs,
            rack_aware=request.rack_aware,
        )
    except TopicExists:
        if request.if_not_exists:
            return
        raise
    show_created(request.output, name)


async def alter_topics(request: TopicsRequest, zookeeper: ZooKeeperAdmin) -> None:
    names = await _existing(request, zookeeper, none_is_fine=request.if_exists)
    assignment = parse_replica_assignment(request.replica_assignment) if request.replica_assignment else {}
    added, deleted = parse_topic_configs(request.configs), parse_config_names(request.deleted_configs)
    for name in names:
        if request.configs or request.deleted_configs:
            show_config_warning(request.output)
            configs = {**await zookeeper.configs(f"topics/{name}"), **added}
            await zookeeper.change_configs(
                f"topics/{name}", {key: value for key, value in configs.items() if key not in deleted}
            )
            show_configured(request.output, name)
        if request.partitions is not None:
            if name == CONSUMER_OFFSETS:
                raise TopicsFailed("The number of partitions for the offsets topic cannot be changed.")
            show_partitions_warning(request.output)
            existing = await zookeeper.describe_topic(name)
            placed = list(assignment.values())[len(existing.partitions) if existing else 0 :]
            await zookeeper.add_partitions(name, request.partitions, placed, rack_aware=request.rack_aware)
            show_partitions_added(request.output, name)


async def delete_topics(request: TopicsRequest, zookeeper: ZooKeeperAdmin) -> None:
    for name in await _existing(request, zookeeper, none_is_fine=request.if_exists):
        if is_internal(name):
            raise TopicsFailed(f"Topic {name} is a kafka internal topic and is not allowed to be marked for deletion.")
        is_new = await zookeeper.mark_for_deletion(name)
        show_marked_for_deletion(request.output, name, is_new=is_new)


async def _existing(request: TopicsRequest, zookeeper: ZooKeeperAdmin, *, none_is_fine: bool) -> list[str]:
    """The topics that --topic names.

    raises    TopicsFailed if there are none, which, as in the script, is reported without names
    """
    names = request.matching(await zookeeper.topics())
    if not names and not none_is_fine:
        raise TopicsFailed("Topics in [] does not exist")
    return names
