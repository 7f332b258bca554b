"""One module for each command: parse, ask the client, print."""
