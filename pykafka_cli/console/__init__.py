"""The two sides of a terminal or pipe: input, output, and interruptions."""
