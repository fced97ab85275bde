"""The logs of a running broker: opening and recovering them, appending, reading, cleaning, retention."""
