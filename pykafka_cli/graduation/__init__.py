"""Going on with Apache Kafka on directories of ours: whether they are fit for it, and the files that it wants."""
