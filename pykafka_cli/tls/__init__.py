"""TLS for clients and servers: key stores and trust stores, and what OpenSSL gets from them."""
