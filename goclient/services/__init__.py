"""Outside world: one package for each remote system."""
