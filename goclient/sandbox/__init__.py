"""Globus, PanDA, MyProxy and a web server in miniature, on loopback: they behave, they do not replay.

All state is in one SQLite file, and the data of collections are real files.  The rest of goclient uses nothing of it;
``cli/commands/sandbox.py`` starts it.
"""
