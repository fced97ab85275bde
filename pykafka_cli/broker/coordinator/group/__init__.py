"""The group coordinator, whose state is kept in __consumer_offsets."""
