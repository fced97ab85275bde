"""What a command does on a cluster, step by step, where that is more than a few lines."""
