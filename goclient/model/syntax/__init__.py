"""Text to a transfer spec: options, the keywords of 2012, shell words, lists, locations."""
