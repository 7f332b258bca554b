"""Globus Auth and Transfer."""
