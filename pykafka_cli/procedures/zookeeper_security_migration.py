"""Give Kafka's znodes the ACLs that a secured cluster, or one that is not secured, would give them.

source  kafka.admin.ZkSecurityMigrator of Apache Kafka 3.9
"""

import asyncio

from pykafka_cli.output.zookeeper_security_migration import print_missing
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode, SessionExpired, ZooKeeperError
from pykafka_cli.zookeeper.kafka_znodes import CONTROLLER
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.znode_acls import SECURE_ROOTS


async def migrate(client: ZooKeeperClient, *, checks_paths: bool) -> None:
    """Set the ACLs of the chroot, of the roots of Kafka's znodes, which are created if missing, and of all below them.

    checks_paths    whether to change nothing if roots are missing
    raises          ScriptError, in the script's words where the script has an error
    """
    await _secure(client, "/")
    missing = [root for root in SECURE_ROOTS if await client.exists(root) is None]
    if missing:
        print_missing(missing)
        if checks_paths:
            raise ScriptError("Exit the command.", on_stdout=True)
    for root in SECURE_ROOTS:
        if root != CONTROLLER or await client.exists(root) is not None:
            await client.ensure_path(root)
            await _secure_all(client, root)


async def _secure_all(client: ZooKeeperClient, path: str) -> None:
    await _secure(client, path)
    try:
        children = await client.children(path)
    except NoNode:
        return  # it was deleted meanwhile
    except ZooKeeperError as error:
        raise _in_words(error) from None
    await asyncio.gather(*(_secure_all(client, f"{path}/{child}") for child in children))


async def _secure(client: ZooKeeperClient, path: str) -> None:
    try:
        await client.reset_acl(path)
    except NoNode:
        return
    except ZooKeeperError as error:
        raise _in_words(error) from None


def _in_words(error: ZooKeeperError) -> ScriptError:
    if isinstance(error, SessionExpired):
        return ScriptError("ZooKeeper session expired while changing ACLs", on_stdout=True)
    hint = "Only users with the permission to administer a znode, and ZooKeeper's superusers, can change its ACL."
    return ScriptError(f"Unexpected return code: {ErrorCode.NO_AUTH}", on_stdout=True, hint=f"{error}. {hint}")
