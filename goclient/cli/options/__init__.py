"""Options of MyProxy's commands; those of jobs are in goclient.model.options."""
