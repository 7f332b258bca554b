"""Charts of a page about jobs: areas upon each other in SVG, with their scale, times and legend beside it in HTML.

The drawing is stretched to the width that there is, so no text is in it: what is written keeps its size on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from goclient.jobs.timeline import BINS, Window
from goclient.jobs.units import day, moment

HEIGHT = 1000  # of the drawing, in units of its own
_SHORT = 600.0  # seconds, in which minutes tell too little
_NEARLY = 1e-6  # a mean of 200 jobs may be a little more than 200


@dataclass(frozen=True, slots=True)
class Chart:
    """Title of a chart, the names of its bands, and how a value of it is written."""

    title: str
    labels: Mapping[str, str]
    shown: Callable[[float], str]

    def html(self, bands: Mapping[str, Sequence[float]], window: Window, *, sentence: str = "") -> str:
        """Return the chart of some bands, the first at the bottom; nothing if there is none.

        The sentence below its title says when there was most of it, unless another one is given.
        """
        if not bands:
            return ""
        layers = [[0.0] * BINS]
        for values in bands.values():
            layers.append([below + value for below, value in zip(layers[-1], values, strict=True)])
        peak = max(layers[-1])
        top = ceiling(peak)
        at = window.began + (layers[-1].index(peak) + 0.5) * window.width
        sentence = sentence or f"At most {self.shown(peak)}, on {moment(at)}."
        areas = "".join(
            f'<path class="area {band}" d="{_area(below, above, top)}"/>'
            for band, below, above in zip(bands, layers, layers[1:], strict=False)
        )
        lines = "".join(f'<line x1="0" x2="{BINS}" y1="{y}" y2="{y}"/>' for y in (0, HEIGHT // 2))
        scale = "".join(f"<span>{escape(self.shown(value))}</span>" for value in (top, top / 2, 0))
        keys = "".join(f'<li class="key {band}">{escape(self.labels[band])}</li>' for band in bands)
        is_short = window.ended - window.began < _SHORT
        times = "".join(
            f"<span>{day(time, to_seconds=is_short)}</span>"
            for time in (window.began, (window.began + window.ended) / 2, window.ended)
        )
        return (
            f"<figure><figcaption><h3>{escape(self.title)}</h3>"
            f'<p class="note">{escape(sentence)}</p></figcaption>'
            f'<div class="plot"><div class="scale" aria-hidden="true">{scale}</div>'
            f'<svg role="img" aria-label="{escape(f"{self.title}. {sentence}")}" viewBox="0 0 {BINS} {HEIGHT}"'
            f' preserveAspectRatio="none">{lines}{areas}</svg>'
            f'<div class="times">{times}</div></div><ul class="legend">{keys}</ul></figure>'
        )


def ceiling(value: float) -> float:
    """Return the end of a scale: 1, 2, 4 or 6 times a power of ten, of which the half is a round number, too."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 2, 4, 6, 10) if step * power >= value * (1 - _NEARLY))


def _area(below: Sequence[float], above: Sequence[float], top: float) -> str:
    """Return the path around a band: along its upper edge, and back along its lower one, in steps."""
    forth = "".join(f"V{_y(value, top)}h1" for value in above)
    back = "".join(f"V{_y(value, top)}h-1" for value in reversed(below))
    return f"M0 {_y(below[0], top)}{forth}{back}z"


def _y(value: float, top: float) -> int:
    return round(HEIGHT * (1 - value / top))
