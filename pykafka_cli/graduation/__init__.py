"""Moves a cluster of ours to Apache Kafka: checks its directories, and writes the files to start Kafka with."""
