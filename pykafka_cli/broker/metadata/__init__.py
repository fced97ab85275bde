"""What the cluster looks like: the cache, the znodes, topics and configurations."""
