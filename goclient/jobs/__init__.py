"""What a job will do, and what became of it."""
