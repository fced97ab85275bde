"""`make bench`: pk and its broker beside Apache Kafka and kcat, in one run, as a table of ratios."""
