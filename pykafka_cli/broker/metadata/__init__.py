"""The cluster's metadata: the cache, the znodes, topics and configs."""
