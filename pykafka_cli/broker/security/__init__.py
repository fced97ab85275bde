"""Authorization: the ACLs of the cluster, kept up to date, and the decisions that follow from them."""
