"""ZooKeeper's wire protocol: jute records, requests, responses, frames; no I/O."""
