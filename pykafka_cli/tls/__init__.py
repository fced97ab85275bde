"""TLS of clients and servers alike: key stores and trust stores, and what OpenSSL gets from them."""
