"""How results look: Kafka's own text, tables, JSON and YAML."""
