"""What commands ask of a cluster, one module per subject: functions of a Session that give nouns of model.py."""
