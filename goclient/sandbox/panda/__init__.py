"""A PanDA server in miniature."""
