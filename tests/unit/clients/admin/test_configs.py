"""Configs of brokers, and the ZooKeeper that they name."""

from typing import Any

import pytest
from kio.schema.describe_configs.v4.request import DescribeConfigsRequest
from kio.schema.describe_configs.v4.response import (
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8

from pykafka_cli.clients.admin.configs import zookeeper_of
from tests.fakes.cluster import NO_TIME, FakeSession


def broker_with(**configs: str) -> Any:
    """The session with a broker that has these configs."""
    entries = tuple(
        DescribeConfigsResourceResult(
            name=name.replace("_", "."), value=value, read_only=True, config_source=i8(4), is_sensitive=False,
            synonyms=(), config_type=i8(2), documentation=None,
        )
        for name, value in configs.items()
    )  # fmt: skip
    result = DescribeConfigsResult(
        error_code=ErrorCode.none, error_message=None, resource_type=i8(4), resource_name="0", configs=entries
    )
    response = DescribeConfigsResponse(throttle_time=NO_TIME, results=(result,))
    return FakeSession({DescribeConfigsRequest: lambda _: response})


async def test_the_brokers_know_it() -> None:
    assert await zookeeper_of(broker_with(broker_id="0", zookeeper_connect="z1:2181,z2:2181/kafka")) == (
        "z1:2181,z2:2181/kafka"
    )


@pytest.mark.parametrize("configs", [{}, {"zookeeper_connect": ""}])
async def test_in_kraft_mode_there_is_none(configs: dict[str, str]) -> None:
    assert await zookeeper_of(broker_with(broker_id="0", **configs)) is None
