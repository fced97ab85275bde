"""`pk acls --authorizer-properties`: kafka-acls.sh up to Kafka 3.9, through znodes."""

from collections.abc import Mapping

from pykafka_cli.clients.admin.zookeeper_acls import (
    InvalidAcl,
    ZooKeeperAcls,
    ZooKeeperError,
    ZooKeeperUnreachable,
)
from pykafka_cli.procedures.acls import AclRequest, perform
from pykafka_cli.rules.acl_arguments import BadAclArgument
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.zookeeper.kafka_znodes import BadZnode

OWN_ADDRESS, ADDRESS = "authorizer.zookeeper.url", "zookeeper.connect"
"""The address of the ZooKeeper with the ACLs, if they have a separate one; and that of everything else."""


async def through_zookeeper(request: AclRequest, properties: Mapping[str, str]) -> None:
    """List, add or remove.

    properties    the authorizer's
    raises        BadAclUsage, BadAclArgument; ScriptError if no ZooKeeper responds
    """
    address = properties.get(OWN_ADDRESS) or properties.get(ADDRESS)
    if not address:
        raise BadAclArgument(f'Missing required configuration "{ADDRESS}" which has no default value.')
    for key in properties.keys() - {OWN_ADDRESS, ADDRESS}:
        raise BadAclArgument(f"{key} is not supported in --authorizer-properties; use --bootstrap-server")
    try:
        async with ZooKeeperAcls(address) as acls:
            await perform(request, acls, is_kafka_4=False)
    except ZooKeeperUnreachable as error:
        raise ScriptError(str(error), hint="`pk up` starts one on this machine, with a broker.") from None
    except InvalidAcl:
        raise ScriptError("Error while adding ACLs: Failed to create ACL", on_stdout=True) from None
    except (ZooKeeperError, BadZnode) as error:
        raise BadAclArgument(str(error)) from None
