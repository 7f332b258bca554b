"""Files on this machine: text that users name, and files that only their owner can read."""
