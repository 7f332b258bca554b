"""Commands: each parses a line, calls the client once, and prints."""
