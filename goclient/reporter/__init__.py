"""Reporters: how progress, warnings and waits are told."""
