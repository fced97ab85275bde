"""What a client may do with a topic, a group or the cluster, as responses encode it: bits 1 << AclOperation.

Without an authorizer everybody may do everything that makes sense for the resource.
Source: kafka.security.authorizer.AclEntry.supportedOperations.
"""

from collections.abc import Mapping

from kio.static.primitive import i32

from pykafka_cli.acls import SUPPORTED_OPERATIONS, ResourceType

OPERATIONS: Mapping[ResourceType, i32] = {
    type_: i32(sum(1 << operation for operation in operations)) for type_, operations in SUPPORTED_OPERATIONS.items()
}
"""All operations of each type of resource."""
NOT_ASKED = i32(-(2**31))
"""In place of authorized operations where the request did not ask for them."""
