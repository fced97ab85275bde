"""The two sides of a terminal or pipe: what comes in, what goes out, and what interrupts."""
