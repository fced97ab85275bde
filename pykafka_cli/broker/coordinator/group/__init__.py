"""The group coordinator, whose state lives in __consumer_offsets."""
