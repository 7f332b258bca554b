"""Campaigns through a site: inputs are brought before the jobs, outputs delivered after them, all as the user."""
