"""One place inside another: what a job writes where it, or a sibling, reads or writes something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from goclient.model.location import Location, Transfer, close_path
from goclient.model.spec import TransferSpec


class Overlap(NamedTuple):
    """A place that is another one, or is above it."""

    outer: Transfer
    inner: Transfer


def find_nested_targets(spec: TransferSpec) -> Iterator[Overlap]:
    """Yield the moves of which one would be a file with a name that is the directory of the other.

    What is typed as a directory, or has the other's source in it, is a directory.
    """
    transfers, keys = spec.transfers, spec.target_keys
    if _at_or_above({f"{key[:-1].rpartition('/')[0]}/" for key in keys}).isdisjoint(keys):
        return  # there may be a hundred thousand
    for outer, inner in _find_nested(
        keys, [not transfer.source.is_directory and transfer.target_path != "/" for transfer in transfers]
    ):
        one, other = transfers[outer], transfers[inner]
        below = _key(other.source).startswith(_key(one.source))
        if not below and keys[outer] != keys[inner]:
            yield Overlap(one, other)


def find_output_in_input(spec: TransferSpec) -> Iterator[Overlap]:
    """Yield what is brought (outer) and what is written after the payload (inner) at that place or below it."""
    brought, written = _ends(spec)
    above = _at_or_above(one.target_key for one in written)
    near, longest = {one.destination.endpoint.text for one in written}, max(map(len, above), default=0)
    near_ones = (one for one in brought if one.source.endpoint.text in near)
    short = (one for one in near_ones if len(one.source.path) <= longest or "//" in one.source.path)
    brought = [one for one in short if _key(one.source) in above]  # as above
    keys = [*(_key(one.source) for one in brought), *(one.target_key for one in written)]
    for outer, inner in _find_nested(keys, [True] * len(brought) + [False] * len(written)):
        if inner >= len(brought):
            yield Overlap(brought[outer], written[inner - len(brought)])


def find_output_over_input(spec: TransferSpec) -> Iterator[Overlap]:
    """Yield directories that are written after the payload (outer) and what is brought from below them (inner)."""
    brought, written = _ends(spec)
    keys = [*(one.target_key for one in written), *(_key(one.source) for one in brought)]
    outer_ones = [transfer.source.is_directory for transfer in written] + [False] * len(brought)
    for outer, inner in _find_nested(keys, outer_ones) if brought else ():
        if inner >= len(written) and keys[outer] != keys[inner]:
            yield Overlap(written[outer], brought[inner - len(written)])


def _ends(spec: TransferSpec) -> tuple[Sequence[Transfer], Sequence[Transfer]]:
    """Return the moves that bring something, and those that write to an endpoint after the payload."""
    return spec.stage_in, [transfer for transfer in (*spec.stage_out, *spec.output) if not transfer.destination.in_job]


def _key(location: Location) -> str:
    """Return an endpoint and a path in one text: what is below that begins with it."""
    return f"{location.endpoint.text}\n{close_path(location.path)}"


def _at_or_above(keys: Iterable[str]) -> set[str]:
    return {key[: end + 1] for key in keys for end, sign in enumerate(key) if sign == "/"}


def _find_nested(keys: Sequence[str], outer: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of a place that may be an outer one, and of another that is it or is below it.

    Each inner place is yielded once.  Sorted, all that is below a place follows it.
    """
    places = sorted((key, not one, number) for number, (key, one) in enumerate(zip(keys, outer, strict=True)))
    open_places: list[tuple[str, int]] = []
    for key, is_inner, number in places:
        while open_places and not key.startswith(open_places[-1][0]):
            open_places.pop()
        if open_places:
            yield open_places[-1][1], number
        if not is_inner:
            open_places.append((key, number))
