"""PanDA job submission with Globus transfers on the command line."""

__version__ = "0.1.0"
