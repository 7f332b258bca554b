"""What a user types: each module parses one command, calls one verb and prints."""
