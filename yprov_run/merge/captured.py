"""What was captured of a step: each kind's file restored, and what failed named."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from yprov_run.jobdir import StepDir
from yprov_run.kinds import KINDS, Kind
from yprov_run.merge import fields
from yprov_run.merge.restore import restore
from yprov_run.model import Captured, Gap

T = TypeVar("T")
_NOTHING = "code, software and environment: not captured, or lost"


def find(captured: Sequence[Captured], cls: type[T]) -> T | None:
    """Return what one kind, known by its dataclass, found of a step."""
    return next((one.data for one in captured if isinstance(one.data, cls)), None)


def read_captured(
    step: StepDir, where: str, gaps: list[Gap], is_due: bool, kinds: Sequence[Kind] = KINDS
) -> tuple[Captured, ...]:
    """Return what was captured of a step, in the order of the kinds.

    A kind that left a problem is a gap; where all `is_due`, so is one that left nothing, if the
    launch knew it.
    """
    expected, unread = fields.load(step.expected)
    names = {kind.name for kind in kinds} if unread else set(fields.texts(expected, "kinds"))
    if is_due and names and not any(step.captured(kind.name).exists() for kind in kinds):
        gaps.append(Gap(where, _NOTHING))
        return ()
    found = []
    for kind in kinds:
        record, problem = fields.load(step.captured(kind.name))
        if problem == "missing":
            if kind.name in names and is_due:
                gaps.append(Gap(where, f"{kind.name}: not captured"))
            continue
        problem = problem or fields.text(record, "problem")
        if problem:
            gaps.append(Gap(where, f"{kind.name}: {problem}"))
        data = fields.mapping(record, "data")
        gaps += [Gap(where, f"{kind.name}: {text}") for text in fields.texts(data, "problems")]
        module = cast(Any, importlib.import_module(f"yprov_run.kinds.{kind.name}"))
        found.append(
            Captured(
                kind=kind.name,
                data=restore(module.Captured, record.get("data")),
                problem=problem,
                started_ms=fields.integer(record, "started_ms"),
                took_ms=fields.integer(record, "took_ms"),
            )
        )
    return tuple(found)
