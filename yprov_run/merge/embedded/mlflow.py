"""A run in MLflow's file store: its description, parameters, metrics and tags."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from yprov_run.model import Json
from yprov_run.trace.opening import open_plain

_MAX_FILES = 2_000
_MAX_TEXT = 64 << 10
_MAX_METRIC_BYTES = 64 << 20
_MAX_LINE = 4_096
# What else PyYAML raises, where a value is not of the type that its tag says.
_UNEXPECTED = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def read_run(meta: Path) -> Json | None:
    """Return a run from its meta.yaml and the folders beside it; None if it is no run's."""
    import yaml

    folder = meta.parent
    text = _content(meta)[:_MAX_TEXT].decode("utf-8", "replace")
    try:
        described = yaml.safe_load(text) if text.count("&") < 100 else None
    except (yaml.YAMLError, *_UNEXPECTED):
        return None
    if not isinstance(described, dict) or not isinstance(described.get("run_id"), str):
        return None
    status = described.get("status")
    stage = str(described.get("lifecycle_stage") or "active")
    reader = _Reader()
    run: Json = {
        "run_id": described["run_id"],
        "name": str(described.get("run_name") or ""),
        "experiment_id": str(described.get("experiment_id") or ""),
        "user": str(described.get("user_id") or ""),
        "status": _STATUS.get(status, str(status)) if isinstance(status, int) else str(status),
        "started_ms": _integer(described.get("start_time")),
        "ended_ms": _integer(described.get("end_time")),
        "artifact_uri": str(described.get("artifact_uri") or ""),
        "params": {name: reader.text(path) for name, path in reader.files(folder / "params")},
        "tags": {name: reader.text(path) for name, path in reader.files(folder / "tags")},
        "metrics": {name: _metric(path) for name, path in reader.files(folder / "metrics")},
    }
    if stage != "active":  # one that the user has deleted
        run["lifecycle_stage"] = stage
    if left_out := reader.left_out():
        run["left_out"] = left_out
    return run


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Reader:
    """Reads the files of one run, and knows what it did not read of them."""

    def __init__(self) -> None:
        self._cut = 0
        self._many: list[str] = []

    def left_out(self) -> list[str]:
        """Return in words what was left out."""
        cut = [f"texts cut to {_MAX_TEXT:,} bytes: {self._cut}"] if self._cut else []
        return [f"of its {name} only {_MAX_FILES:,} are taken" for name in self._many] + cut

    def files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield (name, path) of plain files below a folder; names may hold slashes as in MLflow."""
        count = 0
        for where, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = Path(where, name)
                if path.is_symlink() or not path.is_file():
                    continue
                if count >= _MAX_FILES:
                    self._many.append(folder.name)
                    return
                yield path.relative_to(folder).as_posix(), path
                count += 1

    def text(self, path: Path) -> str:
        """Return a file's text without the newlines at its end; empty if it cannot be read."""
        content = _content(path)
        self._cut += len(content) > _MAX_TEXT
        return content[:_MAX_TEXT].decode("utf-8", "replace").rstrip("\n")


def _content(path: Path) -> bytes:
    try:
        with open_plain(path, _MAX_METRIC_BYTES) as stream:
            return stream.read(_MAX_TEXT + 1)
    except OSError:
        return b""


def _metric(path: Path) -> Json:
    """Return what a metric came to; its file has lines of `time in ms, value, step`."""
    count = read = 0
    smallest, largest = math.inf, -math.inf
    first: Json = {}
    last: Json = {}
    try:
        with open_plain(path, _MAX_METRIC_BYTES) as stream:
            while (line := stream.readline(_MAX_LINE)) and read < _MAX_METRIC_BYTES:
                read += len(line)
                point = _point(line)
                if point is not None:
                    count += 1
                    value = point["value"]
                    if isinstance(value, float):
                        smallest, largest = min(smallest, value), max(largest, value)
                    first = first or point
                    last = point
    except OSError:
        pass
    return {
        "count": count,
        "first": first,
        "last": last,
        "smallest": smallest if math.isfinite(smallest) else None,
        "largest": largest if math.isfinite(largest) else None,
        "size_bytes": read,
    }


def _point(line: bytes) -> Json | None:
    words = line.split()
    if len(words) not in (2, 3):
        return None
    try:
        value = float(words[1])
        step = int(words[2]) if len(words) == 3 else 0
        time_ms = int(words[0])
    except ValueError:
        return None
    if abs(step) > 1 << 62 or abs(time_ms) > 1 << 62:
        return None
    return {"time_ms": time_ms, "value": value if math.isfinite(value) else None, "step": step}
