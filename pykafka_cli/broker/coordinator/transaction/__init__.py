"""The transaction coordinator, whose state lives in __transaction_state."""
