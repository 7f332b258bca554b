"""Globus, PanDA, MyProxy and a web server in miniature, on loopback: they behave, they do not replay.

All state is in one SQLite file, the data of collections are real files.  Nothing here is used by the rest of
goclient; ``cli/commands/sandbox.py`` starts it.
"""
