"""The pilot: carries out, on a worker node, what a job record says."""
