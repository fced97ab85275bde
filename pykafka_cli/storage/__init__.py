"""The files of a log, in Kafka's formats: segments, indexes, snapshots, checkpoints. Needs no broker."""
