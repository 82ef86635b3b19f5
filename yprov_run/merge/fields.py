"""Fields of a record that anybody may have damaged: a value of the right type, or None."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yprov_run.model import Json
from yprov_run.trace.opening import open_plain

_MAX_BYTES = 16 << 20
_MAX_TEXT = 1 << 16
_MAX_INTEGER = 1 << 62


def load(path: Path) -> tuple[Json, str]:
    """Return the object in a JSON file and an empty text, or an empty object and what is wrong."""
    try:
        with open_plain(path, _MAX_BYTES) as stream:
            value = json.loads(stream.read(_MAX_BYTES))
    except FileNotFoundError:
        return {}, "missing"
    except OSError as error:
        return {}, f"unreadable: {error.strerror}"
    except (ValueError, RecursionError):
        return {}, "not JSON"
    return (value, "") if isinstance(value, dict) else ({}, "not a JSON object")


def text(source: Mapping[str, Any], name: str) -> str:
    """Return a text field, cut to 65,536 characters; empty if there is none."""
    value = source.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def integer(source: Mapping[str, Any], name: str) -> int | None:
    """Return an integer field; None if there is none, or it is beyond reason."""
    value = source.get(name)
    # A bool is no integer here.
    return value if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER else None


def number(source: Mapping[str, Any], name: str) -> float | None:
    """Return a number field; None if there is none, or it is not finite."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < _MAX_INTEGER else None


def mapping(source: Mapping[str, Any], name: str) -> Json:
    """Return an object field; empty if there is none."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def sequence(source: Mapping[str, Any], name: str) -> list[object]:
    """Return an array field; empty if there is none."""
    value = source.get(name)
    return value if isinstance(value, list) else []


def texts(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of an array field."""
    return tuple(item for item in sequence(source, name) if isinstance(item, str))
