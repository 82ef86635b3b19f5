"""Ten thousand node executions in memory at once: what many share is kept once."""

from __future__ import annotations

from dataclasses import replace

from yprov_run.merge import fields
from yprov_run.model import Column, Json, NodeExecution

# The figures stand in the node execution itself, and their raw form is most of a trace.
_RAW = ("reduction", "columns")
_MAX_DEPTH = 8  # what is nested deeper is no agent's, and stays as it is


class Slimmer:
    """Lets equal parts of a step's node executions be one object, and raw figures go."""

    def __init__(self) -> None:
        self._columns: dict[tuple[Column, ...], tuple[Column, ...]] = {}
        self._last: tuple[Column, ...] | None = None
        self._kept: tuple[Column, ...] = ()
        self._texts: dict[str, str] = {}
        self._hardware: dict[str, Json] = {}

    def slimmed(self, execution: NodeExecution) -> NodeExecution:
        """Return an execution without the raw form of its figures."""
        end = fields.mapping(execution.facts, "end")
        facts = {name: value for name, value in execution.facts.items() if name not in _RAW}
        facts["end"] = {name: value for name, value in end.items() if name not in _RAW}
        return replace(execution, facts=facts)

    def shared(self, execution: NodeExecution) -> NodeExecution:
        """Return an execution that says the same in less memory: equal parts are one object."""
        if execution.columns is not self._last:  # most are those of the node before
            self._last = execution.columns
            self._kept = self._columns.setdefault(execution.columns, execution.columns)
        columns = self._kept
        facts = self._shared(execution.facts)
        if hardware := fields.mapping(facts, "hardware"):
            hardware = {name: value for name, value in hardware.items() if name != "time_ms"}
            facts["hardware"] = self._hardware.setdefault(repr(hardware), hardware)
        return replace(execution, columns=columns, facts=facts)

    def _shared(self, facts: Json, depth: int = 0) -> Json:
        if depth > _MAX_DEPTH:
            return facts
        return {
            name: self._shared(value, depth + 1) if isinstance(value, dict) else self._one(value)
            for name, value in facts.items()
        }

    def _one(self, value: object) -> object:
        return self._texts.setdefault(value, value) if isinstance(value, str) else value
