"""TLS and SASL as a client's properties describe them."""
