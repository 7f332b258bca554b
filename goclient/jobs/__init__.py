"""Jobs: what one will do, and what became of it."""
