"""Records that are frozen dataclasses and cost little to define.

The standard library compiles six methods for each frozen dataclass, each time that a program starts: half a
millisecond.  All subclasses of :class:`Frozen` share its methods.  To make an instance takes longer: what there is by
the thousand is a dataclass of its own, or a named tuple.

This module is loaded for ``--help``, too, and imports nothing slow.
"""

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, ClassVar, NoReturn, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Frozen:
    """Make a dataclass of each subclass; values are given by name, or in the order of its fields."""

    __dataclass_fields__: ClassVar[dict[str, "Field[Any]"]]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, *values: Any, **named: Any) -> None:
        known, name = fields(self), type(self).__name__
        if len(values) > len(known):
            raise TypeError(f"{name} has {len(known)} fields, not the {len(values)} values that are given")
        given = {one.name: value for one, value in zip(known, values, strict=False)}
        if wrong := (named.keys() & given) | (named.keys() - self.__dataclass_fields__):
            raise TypeError(f"{name} has no {', '.join(sorted(wrong))}, or it is given twice")
        given |= named
        for one in known:
            if one.name not in given:
                if one.default is MISSING and one.default_factory is MISSING:
                    raise TypeError(f"{name} needs {one.name}")
                given[one.name] = one.default if one.default_factory is MISSING else one.default_factory()
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, one.name) == getattr(other, one.name) for one in fields(self) if one.compare)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, one.name) for one in fields(self) if one.compare))
