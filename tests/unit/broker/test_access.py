"""What each API requires, and how requests are cut to what the client may ask for."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kio.schema.describe_configs.v4.request import DescribeConfigsRequest, DescribeConfigsResource
from kio.schema.describe_configs.v4.response import DescribeConfigsResponse, DescribeConfigsResult
from kio.schema.errors import ErrorCode
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.types import GroupId
from kio.static.primitive import i8, i32

from pykafka_cli.acls import AclEntry, AclOperation, AclPermission, ResourcePattern, ResourceType
from pykafka_cli.broker.access import ACCESS, handle_what_is_allowed
from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.errors import GroupAuthorizationFailed
from pykafka_cli.broker.handlers import HANDLERS, KRAFT_HANDLERS
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.security.authorizer import Authorizer
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.codec import message_codec

FREE = {ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE, ApiKey.API_VERSIONS}
"""What everybody may ask for."""
REFUSED_TO_ALL = {ApiKey.CONSUMER_GROUP_HEARTBEAT, ApiKey.CONSUMER_GROUP_DESCRIBE}
"""What a broker with ZooKeeper does not support."""
OF_TOKENS = {ApiKey.RENEW_DELEGATION_TOKEN, ApiKey.EXPIRE_DELEGATION_TOKEN}
"""What depends on whose token it is."""


def test_every_api_that_is_offered_says_what_it_requires() -> None:
    offered = {*HANDLERS, *KRAFT_HANDLERS}

    assert set(ACCESS) == offered - FREE - REFUSED_TO_ALL - OF_TOKENS


def context(api_key: ApiKey, *acls: tuple[ResourceType, str, AclOperation]) -> RequestContext:
    """A request of alice's, who may do this and nothing else."""
    rules = AclRules()
    for type_, name, operation in acls:
        rules.replace(ResourcePattern(type_, name), [AclEntry("User:alice", "*", operation, AclPermission.ALLOW)])
    rights = Authorizer(rules, ()).rights_of("User:alice", "10.0.0.1")
    broker = cast(Broker, SimpleNamespace())
    return RequestContext(broker, api_key, api_key.newest, 1, "c", "10.0.0.1", "SASL", "User:alice", rights=rights)


def heartbeat(group: str) -> HeartbeatRequest:
    return HeartbeatRequest(group_id=GroupId(group), generation_id=i32(1), member_id="m", group_instance_id=None)


async def served(_: RequestContext, request: Any) -> Any:
    return request


async def test_a_whole_request_is_served_or_rejected() -> None:
    ctx = context(ApiKey.HEARTBEAT, (ResourceType.GROUP, "mine", AclOperation.READ))
    codec = message_codec(ApiKey.HEARTBEAT, 4, 4)

    assert await handle_what_is_allowed(served, codec, ctx, heartbeat("mine")) == heartbeat("mine")
    with pytest.raises(GroupAuthorizationFailed):
        await handle_what_is_allowed(served, codec, ctx, heartbeat("theirs"))


def described(*resources: tuple[int, str]) -> DescribeConfigsRequest:
    return DescribeConfigsRequest(
        resources=tuple(
            DescribeConfigsResource(resource_type=i8(type_), resource_name=name, configuration_keys=None)
            for type_, name in resources
        ),
        include_synonyms=False,
        include_documentation=False,
    )


async def describe_all(_: RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    """Finds everything that it is asked for."""
    found = DescribeConfigsResult(
        error_code=ErrorCode.none, error_message="", resource_type=i8(0), resource_name="", configs=()
    )
    results = (
        replace(found, resource_type=each.resource_type, resource_name=each.resource_name) for each in request.resources
    )
    return DescribeConfigsResponse(throttle_time=NO_THROTTLE, results=tuple(results))


async def test_of_several_entries_the_handler_sees_those_that_are_allowed() -> None:
    ctx = context(ApiKey.DESCRIBE_CONFIGS, (ResourceType.TOPIC, "mine", AclOperation.DESCRIBE_CONFIGS))
    request = described((2, "theirs"), (2, "mine"), (4, "0"))

    response = await handle_what_is_allowed(describe_all, message_codec(32, 4, 4), ctx, request)

    assert [(each.resource_name, each.error_code) for each in response.results] == [
        ("mine", ErrorCode.none),
        ("theirs", ErrorCode.topic_authorization_failed),
        ("0", ErrorCode.cluster_authorization_failed),
    ]


async def test_where_nothing_is_allowed_the_handler_is_not_called() -> None:
    ctx = context(ApiKey.DESCRIBE_CONFIGS)

    async def fail(_: RequestContext, request: Any) -> Any:
        raise AssertionError(request)

    response = await handle_what_is_allowed(fail, message_codec(32, 4, 4), ctx, described((2, "theirs")))

    (refused,) = response.results
    assert (refused.error_code, refused.error_message) == (
        ErrorCode.topic_authorization_failed,
        "Topic authorization failed.",
    )
