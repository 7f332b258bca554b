"""Everything that can be known of a job before it is sent."""
