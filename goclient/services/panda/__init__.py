"""The PanDA server."""
