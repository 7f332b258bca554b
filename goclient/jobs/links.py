"""Pages in the web about jobs, where they are known."""

from __future__ import annotations

from urllib.parse import urlsplit

_MONITORS = {"cern.ch": "https://bigpanda.cern.ch"}  # panda-client shows this one (localSpecs.py of 2.2.0)


def task_page(task_id: str) -> str:
    """Return the page of a transfer task of Globus."""
    return f"https://app.globus.org/activity/{task_id}"


def job_page(panda_id: int, server: str) -> str:
    """Return the page of a job in the monitor of a PanDA server; empty if that is not known."""
    return f"{found}/job?pandaid={panda_id}" if (found := _monitor_of(server)) else ""


def jedi_task_page(task_id: int, server: str) -> str:
    """Return the page of a task of prun or pathena in the monitor of a PanDA server; empty if that is not known."""
    return f"{found}/task/{task_id}/" if (found := _monitor_of(server)) else ""


def _monitor_of(server: str) -> str:
    host = f".{urlsplit(server).hostname or ''}"
    return next((monitor for domain, monitor in _MONITORS.items() if host.endswith(f".{domain}")), "")
