"""The client's grid and the real server of Debian."""

from tests.services.conftest import grid, real

__all__ = ["grid", "real"]
