"""Typed named tuples and protocols without typing, for what the launch and the nodes wait for.

To import typing, and to make eight named tuples by it, takes 4 ms; dataclasses take 9 ms. To a
type checker these are typing's.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the import
if TYPE_CHECKING:
    from typing import NamedTuple, Protocol
else:
    from collections import namedtuple

    class _Fields(type):
        """Makes a named tuple of a class with annotations, as typing.NamedTuple does."""

        def __new__(cls, name: str, bases: tuple, body: dict) -> type:
            fields = tuple(body.get("__annotations__", ()))
            if not bases:
                return super().__new__(cls, name, bases, body)
            defaults = [body.pop(field) for field in fields if field in body]
            base = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            return type(name, (base,), {"__slots__": (), **body})

    class NamedTuple(metaclass=_Fields):
        """The base of a named tuple."""

    class Protocol:
        """The base of what tells a type checker which methods something has."""


__all__ = ["TYPE_CHECKING", "NamedTuple", "Protocol"]
