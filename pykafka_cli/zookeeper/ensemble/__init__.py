"""ZooKeeper servers that elect a leader and replicate its transactions (ZAB)."""
