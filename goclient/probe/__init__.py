"""Probes of queues: jobs that tell what worker nodes have, and what is kept of it for preflights."""
