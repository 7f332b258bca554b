"""How progress, warnings and waiting are told."""
