"""What `pk apply` reads and `pk export` writes: topics, users, quotas, ACLs and records, declared in YAML."""
