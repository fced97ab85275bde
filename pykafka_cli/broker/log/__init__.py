"""The log on disk: segments, indexes, checkpoints, recovery, retention; Kafka's own formats."""
