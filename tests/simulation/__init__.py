"""The clients on a virtual clock, against a simulated cluster in trouble: `make simulate-clients`."""
