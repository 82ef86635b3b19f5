"""yprov-inspect sensors: what this machine offers to measure, with live values."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from yprov_run.agent.survey import Answer, roots_of, survey
from yprov_run.measures import Column
from yprov_run.report.words import plain

_SCALES = (("B", 2**30, "GiB"), ("Hz", 1e6, "MHz"))
# What to do where a sensor does not answer; by words in what it said.
_REMEDIES = (
    ("No permission", "an administrator can allow it to users in the driver's settings"),
    ("Insufficient Permissions", "an administrator can allow it to users"),
    ("libnvidia-ml", "no NVIDIA driver here; on a cluster, ask on a compute node: srun --gpus=1"),
)


def sensors(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the sensors of this machine, what each says now, and what keeps others from answering.

    On a cluster ask on a compute node: srun -n 1 yprov-inspect sensors
    """
    answers = survey(roots_of())
    if as_json:
        print(json.dumps([_as_json(answer) for answer in answers], indent=1))
        return
    for answer in answers:
        _print(answer)


def _as_json(answer: Answer) -> dict[str, object]:
    return {
        "sensor": answer.name,
        "source": answer.source,
        "devices": [asdict(device) for device in answer.devices],
        "values": {column.name: value for column, value in answer.values},
        "units": {column.name: column.quantity.unit for column, _ in answer.values},
        "problems": answer.problems,
    }


def _print(answer: Answer) -> None:
    print(plain(answer.name) + (f" ({plain(answer.source)})" if answer.source else ""))
    _print_values("", [(c, v) for c, v in answer.values if c.device is None])
    for device in answer.devices:
        words = f"  {device.kind} {device.index}: {device.name} ({device.uuid})"
        print(plain(words) + (f"; {plain(device.note)}" if device.note else ""))
        _print_values("  ", [(c, v) for c, v in answer.values if c.device == device.index])
    for problem in answer.problems:
        remedy = next((words for sign, words in _REMEDIES if sign in problem), "")
        print(f"  not available: {plain(problem)}" + (f"; {remedy}" if remedy else ""))


def _print_values(indent: str, values: list[tuple[Column, float]]) -> None:
    for column, value in values:
        name = column.quantity.name.replace("_", " ")
        print(f"{indent}  {name:<22} {_readable(value, column.quantity.unit)}")


def _readable(value: float, unit: str) -> str:
    for of, factor, larger in _SCALES:
        if unit == of:
            return f"{value / factor:.1f} {larger}"
    return f"{value:.3g}" if unit == "1" else f"{value:.1f} {unit}"
