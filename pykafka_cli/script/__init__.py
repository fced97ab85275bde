"""What all scripts share: the command line, errors, and how to reach a cluster."""
