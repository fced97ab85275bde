"""A standalone ZooKeeper server."""
