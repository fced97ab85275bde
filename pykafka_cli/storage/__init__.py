"""What is in the files of a log, in Kafka's own formats: segments, indexes, snapshots, checkpoints. Needs no broker."""
