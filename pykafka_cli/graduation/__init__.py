"""Moving a cluster of ours to Apache Kafka: checking its directories, and writing the files to start Kafka with."""
