"""TLS and SASL as a client's properties describe them: of clients, and of brokers that connect to each other."""
