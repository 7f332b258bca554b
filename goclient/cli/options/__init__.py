"""The options that several commands share, as dataclasses."""
