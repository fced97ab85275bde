"""Everything that speaks ZooKeeper."""
