"""The outside world: one module for each remote system."""
