"""The steps of a command on a cluster, where they take more than a few lines."""
