"""Conditions on jobs' rows, as `list --where` takes them: numbers with their units, and texts."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from yprov_run.errors import YprovError
from yprov_run.provenance.vocabulary import TERMS

Row = dict[str, Any]
Test = Callable[[Row], bool]


class Amount(NamedTuple):
    """A number, and the SI unit that it was given in; "" where it was given in none."""

    figure: float
    unit: str = ""


_OPERATORS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("!=", operator.ne), ("<=", operator.le), (">=", operator.ge), ("==", operator.eq),
    ("=", operator.eq), ("<", operator.lt), (">", operator.gt),
)  # fmt: skip
_ORDERS = {"<=", ">=", "<", ">"}
_UNITS: dict[str, tuple[float, str]] = {
    "": (1, ""), "k": (1e3, ""), "M": (1e6, ""), "G": (1e9, ""), "T": (1e12, ""), "%": (1e-2, "1"),
    "ms": (1e-3, "s"), "s": (1, "s"), "min": (60, "s"), "h": (3600, "s"), "d": (86400, "s"),
    "m": (60, "s"), "w": (604_800, "s"),  # as in an age: --since 30m
    "\u00b5J": (1e-6, "J"), "mJ": (1e-3, "J"), "J": (1, "J"), "kJ": (1e3, "J"), "MJ": (1e6, "J"),
    "GJ": (1e9, "J"), "Wh": (3600, "J"), "kWh": (3.6e6, "J"), "MWh": (3.6e9, "J"),
    "W": (1, "W"), "kW": (1e3, "W"), "MW": (1e6, "W"),
    "B": (1, "B"), "kB": (1e3, "B"), "MB": (1e6, "B"), "GB": (1e9, "B"), "TB": (1e12, "B"),
    "KiB": (2**10, "B"), "MiB": (2**20, "B"), "GiB": (2**30, "B"), "TiB": (2**40, "B"),
}  # fmt: skip
_AMOUNT = re.compile(r"(.*?)\s*([^\W\d_]*|%)\Z", re.DOTALL)
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d\d)")  # as `3:05 min` and `11:02:07 h`
_TIME = "time"  # a row's own, and no term


def where(expression: str) -> Test:
    """Return a test from `FIELD OP VALUE`, OP one of = == != < <= > >= ~ (contains).

    Numbers, also such as stand in a tag, are compared as numbers; VALUE may end in k, M, G, T or
    %, or in a unit of time, energy, power or memory. A row without the field passes `!=` only.
    Raises YprovError for anything else, and where a number is asked for what is none.
    """
    places = [
        (expression.index(sign), -len(sign), sign, compare)
        for sign, compare in (*_OPERATORS, ("~", _contains))
        if sign in expression
    ]
    if not places:
        raise YprovError(f"--where {expression!r}: give it as FIELD=VALUE; also != < <= > >= ~")
    place, _, sign, compare = min(places, key=lambda found: found[:2])
    name, wanted = expression[:place].strip(), expression[place + len(sign) :].strip()
    if not name:
        raise YprovError(f"--where {expression!r}: a field's name is missing before {sign}")
    number = None if sign == "~" else _amount(wanted)
    if sign != "~":
        _check(expression, name, wanted, number)
    is_order_in_tag = sign in _ORDERS and name.startswith("tag.")

    def test(row: Row) -> bool:
        found = row.get(name)
        if found is None or found == "":
            return sign == "!="
        if number is not None:
            if (known := _amount(found)) is not None:
                return compare(known.figure, number.figure)
            if is_order_in_tag:  # a text is neither more nor less than a number
                return False
        return compare(str(found), wanted)

    return test


def _check(expression: str, name: str, wanted: str, number: Amount | None) -> None:
    """Refuse to compare a field of numbers with what is none, or is of another unit."""
    term = TERMS.get(name)
    unit = "s" if name == _TIME else term.unit if term is not None else ""
    if name != _TIME and (term is None or term.datatype in ("", "xsd:string")):
        return
    if number is None:
        example = f", such as 90 {unit}" if unit not in ("", "1") else ""
        raise YprovError(f"--where {expression!r}: {name} is a number; give one{example}")
    if number.unit not in ("", unit) and (unit or number.unit != "1"):
        said = f"is in {unit}" if unit not in ("", "1") else "has no unit"
        raise YprovError(f"--where {expression!r}: {name} {said}; {wanted} is something else")


def chosen(found: Iterable[Row], tests: Sequence[Test]) -> list[Row]:
    """Return the rows that pass every test."""
    return [row for row in found if all(test(row) for test in tests)]


def _contains(found: Any, wanted: Any) -> bool:
    return str(wanted).lower() in str(found).lower()


def _amount(found: object) -> Amount | None:
    """Return a number with its unit, also where it stands as a text; None for others."""
    plain = figure(found)
    if plain is not None:
        return Amount(plain)
    match = _AMOUNT.match(str(found))
    if match is None or match[2] not in _UNITS:
        return None
    factor, unit = _UNITS[match[2]]
    clock = _CLOCK.fullmatch(match[1])
    if clock and match[2] in ("min", "h"):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return Amount(float((hours * 60 + minutes) * 60 + seconds), unit)
    plain = figure(match[1])
    return None if plain is None else Amount(plain * factor, unit)


def figure(found: object) -> float | None:
    """Return a number, also where it stands as a text; None for others."""
    if isinstance(found, (int, float)):
        return float(found)
    try:
        number = float(str(found))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
