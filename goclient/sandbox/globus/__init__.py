"""Globus Auth and Transfer in miniature."""
