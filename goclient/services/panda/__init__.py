"""Client of the PanDA server."""
