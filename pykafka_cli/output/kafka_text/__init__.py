"""What the kafka-*.sh scripts print, to the byte: one module per script, nouns in, text with line ends out."""
