"""A MyProxy server in miniature, with its certificate authority."""
