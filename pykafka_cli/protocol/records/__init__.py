"""Record batches (format 2) and the older message sets: bytes to values and back."""
