"""The controller: leaders, replicas and topic deletion, through ZooKeeper."""
