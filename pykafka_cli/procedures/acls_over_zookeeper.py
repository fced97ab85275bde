"""`pk acls --authorizer-properties`: kafka-acls.sh up to Kafka 3.9, through znodes."""

from collections.abc import Mapping
from itertools import chain

from pykafka_cli.clients.admin.zookeeper_acls import (
    InvalidAcl,
    ZooKeeperAcls,
    ZooKeeperError,
    ZooKeeperUnreachable,
)
from pykafka_cli.procedures.acls import AclRequest, perform
from pykafka_cli.procedures.zookeeper_security import security_of
from pykafka_cli.properties.broker_keys.zookeeper import ZooKeeperClientKeys
from pykafka_cli.properties.grammar import Property
from pykafka_cli.rules.acl_arguments import BadAclArgument
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.zookeeper.znode_data import BadZnode

OWN_ADDRESS, ADDRESS = "authorizer.zookeeper.url", "zookeeper.connect"
"""The address of the ZooKeeper with the ACLs, if they have a separate one; and that of everything else."""
_OWN = "authorizer."


async def through_zookeeper(request: AclRequest, properties: Mapping[str, str], tls_file: str | None = None) -> None:
    """List, add or remove.

    properties    the authorizer's
    tls_file      of --zk-tls-config-file
    raises        BadAclUsage, BadAclArgument; ScriptError if no ZooKeeper responds
    """
    address = properties.get(OWN_ADDRESS) or properties.get(ADDRESS)
    if not address:
        raise BadAclArgument(f'Missing required configuration "{ADDRESS}" which has no default value.')
    # What is the authorizer's own comes before what is for all of the cluster.
    general = {key: value for key, value in properties.items() if not key.startswith(_OWN)}
    own = {key.removeprefix(_OWN): value for key, value in properties.items() if key.startswith(_OWN)}
    for key in general.keys() | own.keys() - {OWN_ADDRESS.removeprefix(_OWN)}:
        if key != ADDRESS and key not in ZooKeeperClientKeys.KEYS:
            raise BadAclArgument(f"{key} is not supported in --authorizer-properties; use --bootstrap-server")
    lines = [Property(key, value, 0) for key, value in chain(general.items(), own.items())]
    security = security_of(tls_file, lines, trusts_certificates=False)
    try:
        async with ZooKeeperAcls(address, security) as acls:
            await perform(request, acls, is_kafka_4=False)
    except ZooKeeperUnreachable as error:
        raise ScriptError(str(error), hint="`pk up` starts one on this machine, with a broker.") from None
    except InvalidAcl:
        raise ScriptError("Error while adding ACLs: Failed to create ACL", on_stdout=True) from None
    except (ZooKeeperError, BadZnode) as error:
        raise BadAclArgument(str(error)) from None
