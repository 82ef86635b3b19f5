"""The rows of the tables beside a document: all that is known of each task, node and device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yprov_run.measures import Quantity
from yprov_run.merge import fields
from yprov_run.merge.brief import brief
from yprov_run.model import QUANTITIES, ColumnStats, DeviceUse, Job, NodeExecution

Row = Sequence[object]

# name: unit (UCUM); empty where a column has none
TASKS = {
    "step": "", "node": "", "rank": "", "local_rank": "", "pid": "", "exit_status": "",
    "signal": "", "gpus": "", "worker_of": "",
}  # fmt: skip
_USE = {
    "energy_j": "J", "energy_estimated_j": "J", "energy_source": "", "mean_power_w": "W",
    "max_power_w": "W", "mean_utilisation": "1", "max_utilisation": "1", "max_memory_bytes": "B",
    "max_temperature_celsius": "Cel", "energy_bound_j": "J", "energy_second_j": "J",
    "energy_segments": "", "counter_update_s": "s", "coverage": "1", "mean_clock_hz": "Hz",
    "mean_sm_busy": "1", "mean_tensor_busy": "1", "mean_dram_busy": "1", "idle_share": "1",
    "idle_energy_j": "J", "throttled_share": "1", "note": "",
}  # fmt: skip
DEVICES = {
    "step": "", "node": "", "gpu": "", "uuid": "", "model": "", "pci_bus_id": "",
    "driver_version": "", **_USE,
}  # fmt: skip
ZONES = {"step": "", "node": "", "zone": "", "name": "", "kind": "", "part_of": "", "sensor": "",
         **_USE}  # fmt: skip
SAMPLES = {"step": "", "node": "", "path": "", "size_bytes": "B", "rows": "", "sha256": ""}
# What a node itself is sampled for; of what only grows, the increase, of all else the highest.
_HOST = {name: each for name, each in QUANTITIES.items()
         if not name.startswith(("gpu_", "zone_")) and name != "cpu_busy"}  # fmt: skip
NODES = {
    "step": "", "node": "", "hostname": "", "index": "", "started_utc_ms": "ms",
    "ended_utc_ms": "ms", "first_sample_utc_ms": "ms", "last_sample_utc_ms": "ms",
    "saw_the_end": "", "clock_ahead_ms": "ms", "tasks": "", "workers": "", "gpus": "",
    "energy_j": "J", "energy_bound_j": "J", "energy_estimated_j": "J", "mean_power_w": "W",
    "max_power_w": "W", "mean_utilisation": "1", "max_gpu_memory_bytes": "B", "mean_cpu": "1",
    "max_cpu": "1",
    **{f"{'grown' if each.kind == 'counter' else 'max'}_{name}": each.unit
       for name, each in _HOST.items()},
    "agent_cpu_s": "s", "agent_max_memory_bytes": "B", "late_samples": "", "skipped_samples": "",
    "lost_samples": "",
}  # fmt: skip


def _executions(job: Job) -> Iterator[tuple[int, NodeExecution]]:
    for step in job.steps:
        for node in step.nodes:
            yield step.number, node


def task_rows(job: Job) -> Iterator[Row]:
    """Yield a row per task, workers too."""
    for step, node in _executions(job):
        for task in node.tasks:
            yield (
                step, node.name, task.rank, task.local_rank, task.pid,
                task.exit_status, task.signal, task.visible_gpus, task.worker_of,
            )  # fmt: skip


def node_rows(job: Job) -> Iterator[Row]:
    """Yield a row per node execution."""
    for step, node in _executions(job):
        yield (step, *_node_cells(node))


def device_rows(job: Job) -> Iterator[Row]:
    """Yield a row per GPU and node execution."""
    for step, node in _executions(job):
        for use in node.devices:
            device = use.device
            yield (
                step, node.name, device.index, device.uuid, device.name,
                device.pci_bus_id, device.driver_version, *_use_cells(use),
            )  # fmt: skip


def zone_rows(job: Job) -> Iterator[Row]:
    """Yield a row per other part of a node whose power or memory was read."""
    for step, node in _executions(job):
        for use in node.zones:
            device = use.device
            yield (
                step, node.name, device.index, device.uuid, device.kind,
                device.parent, device.source, *_use_cells(use),
            )  # fmt: skip


def sample_rows(job: Job) -> Iterator[Row]:
    """Yield a row per file of samples."""
    for step, node in _executions(job):
        for file in node.sample_files:
            yield (
                step, node.name, file.path, file.size_bytes, file.rows, file.sha256,
            )  # fmt: skip


def _node_cells(node: NodeExecution) -> Row:
    figures = brief(node)
    end = fields.mapping(node.facts, "end")
    host = {column.quantity.name: stats for column, stats in node.host}
    rss_kib = fields.integer(end, "agent_peak_rss_kib")
    own_tasks = len(node.own_tasks)
    return (
        node.name, node.hostname, node.index, node.started_ms, node.ended_ms,
        node.first_sample_ms, node.last_sample_ms, "yes" if node.complete else "no",
        node.clock_offset_ms, own_tasks, len(node.tasks) - own_tasks, len(node.devices),
        _number(figures.energy_j), _number(figures.energy_bound_j),
        None if figures.energy_j is None else _number(figures.energy_estimated_j),
        _number(figures.mean_power_w), _number(figures.max_power_w),
        _number(figures.mean_utilisation), _whole(figures.max_gpu_memory_b),
        _mean(node.cpu), _highest(node.cpu),
        *[_host_cell(host.get(name), each) for name, each in _HOST.items()],
        fields.number(end, "agent_cpu_s"), None if rss_kib is None else rss_kib * 1024,
        fields.integer(end, "late_samples"), fields.integer(end, "skipped_samples"),
        fields.integer(end, "lost_lines"),
    )  # fmt: skip


def _host_cell(stats: ColumnStats | None, quantity: Quantity) -> str:
    is_counter = quantity.kind == "counter"
    if stats is None or (is_counter and stats.count < 2):
        return ""
    value = stats.increase if is_counter else stats.maximum
    return _whole(value) if quantity.unit == "B" else _number(value)


def _use_cells(use: DeviceUse) -> Row:
    return (
        _number(use.energy_j),
        None if use.energy_j is None else _number(use.energy_estimated_j),
        use.energy_source, _mean(use.power), _number(use.peak_power_w),
        _mean(use.utilisation), _highest(use.utilisation), _bytes(use.memory),
        _highest(use.temperature), _number(use.energy_bound_j), _number(use.energy_second_j),
        None if use.energy_j is None else use.energy_segments, _number(use.update_s),
        _number(use.coverage), _mean(use.clock), _mean(use.sm_busy), _mean(use.tensor_busy),
        _mean(use.dram_busy), _number(use.idle_share), _number(use.idle_energy_j),
        _number(use.throttled_share), use.device.note,
    )  # fmt: skip


def _mean(stats: ColumnStats | None) -> str:
    return "" if stats is None else _number(stats.mean)


def _highest(stats: ColumnStats | None) -> str:
    return "" if stats is None else _number(stats.maximum)


def _bytes(stats: ColumnStats | None) -> str:
    return "" if stats is None else _whole(stats.maximum)


def _whole(value: float | None) -> str:
    return "" if value is None else str(round(value))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
