"""Mending of what went wrong: jobs and tasks are tried again, or stopped."""
