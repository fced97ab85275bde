"""Partitions as replicas: leaders, followers, in-sync sets, high watermarks."""
