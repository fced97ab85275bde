"""What a command decides, as pure functions: no I/O, no clock."""
