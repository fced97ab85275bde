"""Fair shares: how much each client may use of this broker, and how long one has to wait that used more."""
