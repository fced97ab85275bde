"""ZooKeeper's wire protocol: jute records, requests, answers, frames; no I/O."""
