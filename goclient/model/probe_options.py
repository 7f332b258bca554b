"""Options of a probe of a queue: of ``goclient probe``, and the keywords of ``Client.probe``.

As ``options.py``, this module may not use ``from __future__ import annotations`` or ``X | None``.
"""

from goclient.model.frozen import Frozen
from goclient.model.option import option

OWN = "probe"


class ProbeOptions(Frozen):
    """Hold what was typed."""

    QUEUE: tuple[str, ...] = option("QUEUE", help="the PanDA queue", group=OWN, many=True)
    collection: tuple[str, ...] = option(
        "--collection",
        help="a collection whose HTTPS server the nodes must reach",
        group=OWN,
        many=True,
        metavar="NAME",
    )
    path: tuple[str, ...] = option(
        "--path", help="a directory of the nodes: is it there, and shared?", group=OWN, many=True, metavar="DIR"
    )
    shared: str = option(
        "--shared",
        help="find this directory of a collection on the nodes, for --goVia site",
        group=OWN,
        default="",
        metavar="COLLECTION:/PATH",
    )
    njobs: int = option(
        "--njobs",
        help="how many jobs look, each at its node",
        group=OWN,
        default=1,
        metavar="N",
        minimum=1,
        maximum=100,
    )
    answerWithin: int = option(
        "--answerWithin",
        help="seconds in which each server must answer the node",
        group=OWN,
        default=10,
        metavar="N",
        minimum=1,
        maximum=300,
    )
    wait: int = option(
        "--wait",
        help="seconds to wait for the jobs; the same command waits again later",
        group=OWN,
        default=600,
        metavar="N",
        minimum=1,
        maximum=1_000_000,
    )
    detach: bool = option("--detach", help="send the jobs, and do not wait for them", group=OWN, default=False)
    again: bool = option(
        "--again", help="send new jobs although those sent before are not over", group=OWN, default=False, grave=True
    )

    @property
    def queue(self) -> str:
        """Return the one queue."""
        return self.QUEUE[0]
