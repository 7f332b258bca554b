"""A site that knows nothing of goclient: it runs jobs as an unmodified pilot 3 does."""
