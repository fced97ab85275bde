"""What a client may do with a topic, a group or the cluster, as responses encode it: bits 1 << AclOperation's code.

Without an authorizer everybody may do everything that makes sense for the resource.
Source: org.apache.kafka.common.acl.AclOperation, kafka.security.authorizer.AclEntry.supportedOperations.
"""

from kio.static.primitive import i32

_READ, _WRITE, _CREATE, _DELETE, _ALTER, _DESCRIBE = (1 << code for code in range(3, 9))
_CLUSTER_ACTION, _DESCRIBE_CONFIGS, _ALTER_CONFIGS, _IDEMPOTENT_WRITE = (1 << code for code in range(9, 13))

TOPIC_OPERATIONS = i32(_READ | _WRITE | _CREATE | _DESCRIBE | _DELETE | _ALTER | _DESCRIBE_CONFIGS | _ALTER_CONFIGS)
CLUSTER_OPERATIONS = i32(
    _CREATE | _CLUSTER_ACTION | _DESCRIBE_CONFIGS | _ALTER_CONFIGS | _IDEMPOTENT_WRITE | _ALTER | _DESCRIBE
)
GROUP_OPERATIONS = i32(_READ | _DESCRIBE | _DELETE)
NOT_ASKED = i32(-(2**31))
"""In place of authorized operations where the request did not ask for them."""
