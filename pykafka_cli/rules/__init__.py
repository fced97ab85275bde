"""How the scripts parse words, lines, files and records, and what they decide: no I/O, no clock."""
