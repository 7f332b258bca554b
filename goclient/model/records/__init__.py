"""A transfer spec in a PanDA job, and back: a codec for each version, and the names of the server."""
