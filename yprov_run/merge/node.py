"""One node of one step: from its tasks, events and samples to a node execution and its gaps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run.jobdir import SCHEMA_VERSION, NodeFiles
from yprov_run.merge import energy, fields, scopes
from yprov_run.merge.nodetrace import NodeTrace, read_trace
from yprov_run.merge.stats import Figures, Layout
from yprov_run.model import (
    ColumnStats,
    Device,
    DeviceUse,
    Json,
    NodeExecution,
    SampleFile,
)
from yprov_run.numerals import of_digits
from yprov_run.trace import samples
from yprov_run.trace.reduction import Reduction

_CLOSE_MS = 1000
END_UNSEEN = "its agent did not see the end; figures are up to its last sample"
_NO_LIBRARY = ("nvml: NVML: ", "nvml: no libnvidia-ml")


def read_node(
    files: NodeFiles, job_dir: Path, step_ended_ms: int | None
) -> tuple[NodeExecution, list[str]]:
    """Return what is known of a node, and what is missing, in words. Never raises for damage.

    A launcher may kill an agent with its step, a moment before its last words: where the step's
    end (UTC ms, by yprov-run) follows the last sample closely, it is the node's end as well.
    """
    trace = read_trace(files)
    figures, sample_file = _figures(files, trace, job_dir)
    trace.cut_ms = _cut(trace, figures, step_ended_ms)
    node = _execution(files.key, trace, figures, sample_file)
    _name_gaps(node, trace)
    return node, trace.gaps


@dataclass(frozen=True)
class _Figures:
    columns: Figures
    by_device: Json
    first_ms: int | None
    last_ms: int | None


def _figures(
    files: NodeFiles, trace: NodeTrace, job_dir: Path
) -> tuple[_Figures, SampleFile | None]:
    """Return the agent's own reduction; one rebuilt from the samples if there is none."""
    path = files.samples.relative_to(job_dir).as_posix()
    reduction = fields.mapping(trace.end, "reduction")
    written = fields.mapping(reduction, "columns")
    if trace.end and trace.columns:
        figures = _from_json(written, reduction, trace.layout)
        return figures, _sample_file(files.samples, path, trace)
    if not trace.columns:
        return _Figures(Figures({}, Layout()), {}, None, None), None
    return _rebuild(files.samples, path, trace)


def _sample_file(path: Path, name: str, trace: NodeTrace) -> SampleFile | None:
    """Return the samples as the agent described them; as they are, with a gap, if they differ.

    That is told by their size: to read them all is what the agent's reduction saves a merge.
    """
    rows = fields.integer(trace.end, "rows") or 0
    size_bytes = fields.integer(trace.end, "size_bytes") or 0
    said = SampleFile(name, size_bytes, fields.text(trace.end, "sha256"), rows)
    try:
        if path.lstat().st_size == size_bytes:
            return said
        # A file server's clients may know an older size until they open the file.
        found = _read_through(path, name, trace, lambda *_: None)
    except OSError as error:
        trace.gaps.append(f"its samples are lost ({error.strerror}): no curves")
        return None
    if found.size_bytes == size_bytes:
        return said
    words = f"its samples have {found.size_bytes} bytes, its agent wrote {size_bytes}"
    trace.gaps.append(f"{words}: no whole curves")
    return found


def _read_through(
    path: Path, name: str, trace: NodeTrace, take: Callable[[int, Sequence[int | None]], None]
) -> SampleFile:
    """Read the samples, naming damage; return what they are. Raises OSError."""
    digest = hashlib.sha256()
    report = samples.ReadReport(digest=digest)
    for row in samples.read_rows(path, len(trace.columns), report):
        take(*row)
    if report.damaged:
        trace.gaps.append(f"{report.damaged} damaged lines in its samples")
    return SampleFile(name, report.size_bytes, digest.hexdigest(), report.rows)


def _from_json(written: Json, reduction: Json, layout: Layout) -> _Figures:
    return _Figures(
        Figures(written, layout),
        fields.mapping(reduction, "devices"),
        fields.integer(reduction, "first_ms"),
        fields.integer(reduction, "last_ms"),
    )


def _rebuild(path: Path, name: str, trace: NodeTrace) -> tuple[_Figures, SampleFile | None]:
    """Reduce the samples that a dead agent left behind."""
    reduction = Reduction(trace.columns, trace.interval_s)
    try:
        sample_file = _read_through(path, name, trace, reduction.add)
    except OSError as error:
        trace.gaps.append(f"its samples are unreadable: {error.strerror}")
        return _Figures(Figures({}, Layout()), {}, None, None), None
    written = reduction.as_json()
    figures = _from_json(fields.mapping(written, "columns"), written, trace.layout)
    return figures, sample_file


def _cut(trace: NodeTrace, figures: _Figures, step_ended_ms: int | None) -> int | None:
    """Return the trace time at which an agent was ended with its step; None if it was not so."""
    zero_ms, last_ms = fields.integer(trace.node, "utc_ms_at_zero"), figures.last_ms
    if trace.end or step_ended_ms is None or zero_ms is None or last_ms is None:
        return None
    silence_ms = step_ended_ms - zero_ms - last_ms
    close = 0 <= silence_ms <= _CLOSE_MS + 1500 * trace.interval_s
    return last_ms + silence_ms if close else None


def _execution(
    key: str, trace: NodeTrace, figures: _Figures, sample_file: SampleFile | None
) -> NodeExecution:
    zero_ms = fields.integer(trace.node, "utc_ms_at_zero")
    started = min(trace.task_started_ms, default=0)
    ended = max(trace.last_event_ms, figures.last_ms or 0, trace.cut_ms or 0)
    environment = fields.mapping(trace.node, "environment")
    uses = [_use(device, trace, figures, started, ended) for device in trace.devices]
    return NodeExecution(
        key=key,
        name=fields.text(trace.node, "name") or key.rpartition("-")[0],
        hostname=fields.text(trace.node, "hostname"),
        index=of_digits(fields.text(environment, "SLURM_NODEID")),
        started_ms=None if zero_ms is None else zero_ms + started,
        ended_ms=None if zero_ms is None else zero_ms + ended,
        first_sample_ms=_plus(zero_ms, figures.first_ms),
        last_sample_ms=_plus(zero_ms, figures.last_ms),
        complete=bool(trace.end),
        ended_with_step=trace.cut_ms is not None,
        tasks=tuple(sorted(trace.tasks.values(), key=lambda task: (task.rank or 0, task.pid))),
        devices=tuple(use for use in uses if use.device.kind == "gpu"),
        zones=tuple(use for use in uses if use.device.kind != "gpu"),
        cpu=figures.columns.get("cpu_busy"),
        memory=figures.columns.get("memory_used"),
        samples=sample_file,
        columns=trace.columns,
        host=figures.columns.of_node(),
        facts=trace.node | {"end": trace.end},
    )


def _use(
    device: Device, trace: NodeTrace, figures: _Figures, started_ms: int, ended_ms: int
) -> DeviceUse:
    def of(what: str) -> ColumnStats | None:
        return figures.columns.get(what, device.index)

    power = figures.columns.readings("power", device.index)
    instant = figures.columns.readings("power_instant", device.index)
    # The driver's mean may be of a second before the first momentary reading.
    peaks = [found.maximum for found in (instant, power) if found]
    reduced = fields.mapping(figures.by_device, str(device.index))
    seen = energy.Seen(
        device=device,
        counter=figures.columns.readings("energy", device.index),
        power=power,
        instant=instant,
        figures=reduced,
        update_ms=trace.updates_ms.get(device.index),
        grown_first_dj=trace.grown_first_dj.get(device.index),
        grown_last_dj=trace.grown_last_dj.get(device.index) if trace.end else None,
        started_ms=started_ms,
        ended_ms=ended_ms,
        interval_s=trace.interval_s,
        looked_last=trace.looked_last,
    )
    found, counted = energy.device_energy(seen), seen.counted_power
    known_ms = seen.figure("throttle_known_ms")
    throttled = fields.mapping(reduced, "throttled_ms")
    use_known_s, covered_ms = seen.figure("use_ms") / 1000, seen.figure("covered_ms")
    # An instance of a MIG GPU has none of what coverage is counted by.
    is_counted = bool(seen.counter or power or of("utilisation"))
    lasted_ms = ended_ms - started_ms if is_counted else 0
    return DeviceUse(
        device=device,
        power=power.stats if power else counted,
        utilisation=of("utilisation"),
        memory=of("memory_used"),
        temperature=of("temperature"),
        energy_j=found.total_j if found else None,
        energy_estimated_j=found.estimated_j if found else 0.0,
        energy_source=found.source if found else "",
        energy_bound_j=found.bound_j if found else None,
        energy_second_j=found.second_j if found else None,
        energy_disagreement=found.disagreement if found else None,
        energy_segments=found.segments if found else 1,
        update_s=found.update_s if found else None,
        idle_s=seen.figure("idle_ms") / 1000,
        use_known_s=use_known_s,
        idle_energy_j=seen.figure("idle_x2") * energy.X2_J if use_known_s and seen.power else None,
        throttled_s=(fields.integer(throttled, "any") or 0) / 1000,
        throttle_known_s=known_ms / 1000,
        throttled_by=tuple(
            (reason, ms / known_ms)
            for reason in sorted(throttled)
            if reason != "any" and (ms := fields.integer(throttled, reason)) and known_ms
        ),
        coverage=min(1.0, covered_ms / lasted_ms) if lasted_ms > 0 else None,
        clock=of("sm_clock"),
        sm_busy=of("sm_busy"),
        tensor_busy=of("tensor_busy"),
        dram_busy=of("dram_busy"),
        peak_power_w=max(peaks, default=counted.maximum if counted else None),
    )


def _name_gaps(node: NodeExecution, trace: NodeTrace) -> None:
    expected = fields.integer(trace.node, "gpus_expected") or 0
    of_others = bool(node.devices) and all(u.device.source != "nvml" for u in node.devices)
    if of_others or (not expected and not node.devices):
        # No GPU of NVIDIA's and none promised: that its library is not there is no gap.
        trace.gaps[:] = [gap for gap in trace.gaps if not gap.startswith(_NO_LIBRARY)]
    for kind in dict.fromkeys(use.device.kind for use in (*node.devices, *node.zones)):
        uses = scopes.of_kind(node, kind)
        silent = sum(map(scopes.is_silent, uses))
        if silent and any(use.energy_j is not None for use in uses):
            name = "GPUs" if kind == "gpu" else f"{kind} zones"
            trace.gaps.append(f"no energy of {silent} of {len(uses)} {name}")
    schema = fields.integer(trace.node, "schema")
    if schema is not None and schema > SCHEMA_VERSION:
        trace.gaps.append(f"written by a newer version (schema {schema}): some may be missed")
    if trace.node and not trace.end and not node.ended_with_step:
        trace.gaps.append(END_UNSEEN)
    for name, words in (
        ("lost_lines", "samples lost because the disk refused them"),
        ("skipped_samples", "samples skipped because the sampling was late"),
    ):
        count = fields.integer(trace.end, name) or 0
        if count:
            trace.gaps.append(f"{count} {words}")


def _plus(zero_ms: int | None, offset_ms: int | None) -> int | None:
    return None if zero_ms is None or offset_ms is None else zero_ms + offset_ms
