"""Prints results: Kafka's own text, tables, JSON and YAML."""
