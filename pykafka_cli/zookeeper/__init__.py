"""ZooKeeper: protocol, client and server."""
