"""Group and transaction coordinators: state machines kept in compacted topics."""
