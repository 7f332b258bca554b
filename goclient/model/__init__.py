"""Nouns, pure: no input or output, no clock, no network."""
