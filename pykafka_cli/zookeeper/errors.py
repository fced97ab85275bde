"""How requests to ZooKeeper fail, for its clients. A server's own are the KeeperErrors of protocol/errors.py."""


class ZooKeeperError(Exception):
    """A request was rejected, or could not be sent."""


class NoNode(ZooKeeperError):
    """The znode (for a create, its parent) does not exist."""


class NodeExists(ZooKeeperError):
    """The znode already exists."""


class BadVersion(ZooKeeperError):
    """The znode has a different version."""


class NotEmpty(ZooKeeperError):
    """A znode with children cannot be deleted."""


class NotPermitted(ZooKeeperError):
    """The znode's ACL does not allow it."""


class SessionExpired(ZooKeeperError):
    """The session ended before a response arrived; its ephemeral znodes are deleted."""


class ConnectionClosed(ZooKeeperError):
    """The client was closed."""


class ZooKeeperUnreachable(ZooKeeperError):
    """No ZooKeeper server could be reached in time, or the server rejects this client."""


class MultiFailed(ZooKeeperError):
    """A multi had no effect: operation `index` failed with `error`."""

    def __init__(self, index: int, error: ZooKeeperError) -> None:
        super().__init__(f"operation {index} of a multi failed: {type(error).__name__} {error}")
        self.index = index
        self.error = error
