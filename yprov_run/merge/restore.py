"""From JSON that anybody may have damaged to a frozen dataclass: each field of its type, or empty.

One reader for all kinds of capture, driven by the types of their fields.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any, TypeVar, cast

from yprov_run.merge import fields

T = TypeVar("T")

_MAX_ITEMS = 1_000_000
_ABSENT = object()


def restore(cls: type[T], value: object) -> T | None:
    """Return a dataclass made of a JSON object; None if it is none.

    A field that is missing or of a wrong type gets its default, or the empty value of its type;
    an item of a wrong type is left out; an unknown field is passed over.
    """
    if not isinstance(value, dict):
        return None
    found = {}
    for field, hint in _hints(cast("Any", cls)):
        item = _value(hint, value.get(field.name, _ABSENT))
        if item is _ABSENT:
            if field.default is not dataclasses.MISSING:
                continue
            if field.default_factory is not dataclasses.MISSING:
                continue
            item = _empty(hint)
        found[field.name] = item
    return cls(**found)


@cache
def _hints(cls: type[Any]) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    hints = typing.get_type_hints(cls)
    return tuple((field, hints[field.name]) for field in dataclasses.fields(cls))


def _value(hint: Any, value: object) -> Any:
    """Return a value if it is of a field's type, else _ABSENT."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(inner, value)
    if origin is tuple:
        return _tuple(inner, value)
    if origin is dict:
        return _dict(inner[1], value)
    if dataclasses.is_dataclass(hint):
        restored = restore(cast("type[Any]", hint), value)
        return _ABSENT if restored is None else restored
    return _plain(hint, value)


def _optional(inner: tuple[Any, ...], value: object) -> Any:
    for one in inner:
        if one is type(None):
            if value is None:
                return None
        elif (found := _value(one, value)) is not _ABSENT:
            return found
    return _ABSENT


def _tuple(inner: tuple[Any, ...], value: object) -> Any:
    if not isinstance(value, list):
        return _ABSENT
    if len(inner) == 2 and inner[1] is Ellipsis:
        found = [_value(inner[0], item) for item in value[:_MAX_ITEMS]]
        return tuple(item for item in found if item is not _ABSENT)
    if len(value) != len(inner):
        return _ABSENT
    pair = tuple(_value(hint, item) for hint, item in zip(inner, value, strict=True))
    return _ABSENT if any(item is _ABSENT for item in pair) else pair


def _dict(inner: Any, value: object) -> Any:
    if not isinstance(value, dict):
        return _ABSENT
    found = {key: _value(inner, item) for key, item in list(value.items())[:_MAX_ITEMS]}
    return {key: item for key, item in found.items() if item is not _ABSENT}


def _plain(hint: Any, value: object) -> Any:
    source = {"": value}
    if hint is bool:
        return value if isinstance(value, bool) else _ABSENT
    if hint is str:
        return fields.text(source, "") if isinstance(value, str) else _ABSENT
    if hint is int:
        found: Any = fields.integer(source, "")
    elif hint is float:
        found = fields.number(source, "")
    else:
        raise TypeError(f"a captured field cannot be a {hint}")
    return _ABSENT if found is None else found


def _empty(hint: Any) -> Any:
    """Return the empty value of a type: of an optional one None, of a dataclass one all empty."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in inner:
        return None
    if dataclasses.is_dataclass(hint):
        return restore(cast("type[Any]", hint), {})
    return (origin or hint)()
