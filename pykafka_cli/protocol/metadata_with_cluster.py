"""Metadata 8 to 10, which also said what may be done with the cluster, in the form of the newest version.

Later versions leave this to DescribeCluster (KIP-700).
"""

from dataclasses import dataclass

from kio.schema.metadata.v12.request import MetadataRequest
from kio.schema.metadata.v12.response import MetadataResponse
from kio.static.primitive import i32


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataRequestWithCluster(MetadataRequest):
    """A request that asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataResponseWithCluster(MetadataResponse):
    """The response to one."""

    cluster_authorized_operations: i32
