"""Which of the GPUs that were sampled on a node are the job's, by UUID or by their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from yprov_run.jobdir import node_of
from yprov_run.merge import fields
from yprov_run.merge.scopes import span_of
from yprov_run.model import AgentSamples, Device, DeviceUse, Json, NodeExecution
from yprov_run.numerals import of_digits

_BY_NUMBER = "GPUs are named by numbers in an order that is not known: all are counted"
_EARLY_S = 2.0
_NONE = ("-1", "nodevfiles", "void", "none")


def settle(
    nodes: Sequence[NodeExecution],
) -> tuple[list[NodeExecution], list[tuple[str, str]]]:
    """Return each node with the job's GPUs, whoever saw them, and (node, problem) in words."""
    settled, problems = [], list(_ended_early(nodes))
    for node in joined(nodes):
        found, words = of_the_job(node)
        settled.append(found)
        problems += [(node.name, problem) for problem in words]
    return settled, problems


def _ended_early(nodes: Sequence[NodeExecution]) -> Iterator[tuple[str, str]]:
    """Name, as (node, problem), the agents of single tasks that ended well before their node."""
    leaders = {node.key: node for node in nodes if "+" not in node.key}
    for node in nodes:
        leader = leaders.get(node_of(node.key), node)
        theirs = {use.device.uuid for use in leader.devices}
        own = [use.device.uuid for use in node.devices if use.device.uuid not in theirs]
        early_s = (span_of(leader)[1] - span_of(node)[1]) / 1000
        if own and early_s > _EARLY_S:
            until = f"read until its task ended, {early_s:.0f} s before the node's last"
            words = f"{', '.join(own)}: {until}; what it drew after that is not counted"
            yield node.name, words


def joined(nodes: Sequence[NodeExecution]) -> list[NodeExecution]:
    """Put what agents of other tasks saw to their node's: a task may see its own GPU only.

    Such an agent's key is the node's, `+`, and the task's local rank.
    """
    by_key = {node.key: node for node in nodes}
    result: dict[str, NodeExecution] = {}
    for key in sorted(by_key, key=lambda key: ("+" in key, len(key), key)):
        base = node_of(key)
        known = result.get(base)
        result[base] = by_key[key] if known is None else _with_devices(known, by_key[key])
    return list(result.values())


def _with_devices(node: NodeExecution, other: NodeExecution) -> NodeExecution:
    devices, zones = list(node.devices), list(node.zones)
    numbers = []
    for target, uses in ((devices, other.devices), (zones, other.zones)):
        seen = {use.device.uuid for use in target}
        for use in uses:
            if use.device.uuid not in seen:
                index = len(devices) + len(zones)
                device = replace(use.device, index=index)
                target.append(use._replace(device=device, coverage=_coverage(use, other, node)))
                numbers.append((use.device.index, index))
    others = node.others
    if other.samples is not None:
        zero_ms = fields.integer(other.facts, "utc_ms_at_zero")
        first_ms, last_ms = other.first_sample_ms, other.last_sample_ms
        span_ms = None
        if zero_ms is not None and first_ms is not None and last_ms is not None:
            span_ms = first_ms - zero_ms, last_ms - zero_ms
        theirs = AgentSamples(
            other.key, other.samples, other.columns, zero_ms, span_ms, tuple(numbers)
        )
        others = (*others, theirs)
    return replace(node, devices=tuple(devices), zones=tuple(zones), others=others)


def _coverage(use: DeviceUse, agent: NodeExecution, node: NodeExecution) -> float | None:
    """Return what share of the node's time is known of a device that an agent saw for its own."""
    known_ms, whole_ms = (to - since for since, to in (span_of(agent), span_of(node)))
    if use.coverage is None or whole_ms <= 0:
        return use.coverage
    return use.coverage * min(1.0, known_ms / whole_ms)


def of_the_job(node: NodeExecution) -> tuple[NodeExecution, list[str]]:
    """Return a node with the GPUs that are the job's, and what is in doubt or missing, in words.

    Under a scheduler all that it promised are the job's, used or not. Where more are to be seen,
    and in a local run, those that the tasks were told to use.
    """
    expected = fields.integer(node.facts, "gpus_expected") or 0
    environment = fields.mapping(node.facts, "environment")
    by_scheduler = "SLURM_JOB_ID" in environment and expected > 0
    problems = []
    if not (by_scheduler and len(node.devices) <= expected):
        lists = [task.visible_gpus for task in node.own_tasks]
        devices = [use.device for use in node.devices]
        chosen, doubt = _granted(devices, environment, expected), ""
        if not chosen:
            chosen, doubt = chosen_devices(devices, lists, environment)
        problems += [doubt] if doubt else []
        left_out = [use for use in node.devices if use.device.index not in chosen]
        if left_out and by_scheduler:
            problems.append(
                f"{len(left_out)} GPUs of the node are not the job's: their figures are left out"
            )
        node = replace(node, devices=tuple(u for u in node.devices if u.device.index in chosen),
                       zones=_without_parts_of(node.zones, left_out))  # fmt: skip
        expected = expected if by_scheduler else 0
    problems += [
        f"GPU {use.device.uuid} is {use.device.note}"
        for use in node.devices
        if use.device.note.startswith("split")
    ]
    if len(node.devices) < expected:
        problems.append(f"{len(node.devices)} of {expected} GPUs sampled")
    return node, problems


def _without_parts_of(
    zones: Sequence[DeviceUse], left_out: Sequence[DeviceUse]
) -> tuple[DeviceUse, ...]:
    uuids = {use.device.uuid for use in left_out}
    return tuple(zone for zone in zones if zone.device.parent not in uuids)


def _granted(devices: Sequence[Device], environment: Json, expected: int) -> set[int]:
    """Return the indices of the devices that Slurm names by their numbers on the node.

    None where it does not name all that it promised, and for NVML's: the tasks' lists tell these.
    """
    if not _numbers_may_be_the_tasks(devices):
        return set()
    text = fields.text(environment, "SLURM_STEP_GPUS")
    if not text and fields.text(environment, "SLURM_JOB_NUM_NODES") == "1":
        text = fields.text(environment, "SLURM_JOB_GPUS")  # the batch script's, handed to its steps
    places = {of_digits(word) for word in text.split(",")}
    found = {device.index for place, device in enumerate(devices) if place in places}
    return found if len(found) == len(places) == expected else set()


def _numbers_may_be_the_tasks(devices: Sequence[Device]) -> bool:
    """Tell whether a task may count its GPUs otherwise than we do.

    NVML shows the same as CUDA does in a control group. sysfs shows all of the node, and a task of
    a job that has some of them counts these from 0.
    """
    return any(device.source != "nvml" for device in devices)


def chosen_devices(
    devices: Sequence[Device], lists: Sequence[str], environment: Json
) -> tuple[set[int], str]:
    """Return the indices of the devices that the tasks' lists name, and a doubt in words.

    A task without a list may use all. A list ends at its first invalid word, as for CUDA. Numbers
    of what NVML does not show are in doubt unless they name all.
    """
    everything = {device.index for device in devices}
    if not lists or any(not text for text in lists):
        return everything, ""
    chosen: set[int] = set()
    doubt = ""
    order = fields.text(environment, "CUDA_DEVICE_ORDER")
    by_order = order == "PCI_BUS_ID" or len({device.name for device in devices}) == 1
    may_be_theirs = _numbers_may_be_the_tasks(devices)
    has_number = False
    for text in lists:
        for word in text.split(","):
            found = _named(word.strip(), devices)
            if found is None:
                break
            is_number = of_digits(word.strip().partition(".")[0]) is not None
            if is_number and not may_be_theirs and not by_order:
                doubt = _BY_NUMBER
            has_number = has_number or is_number
            chosen.add(found)
    if may_be_theirs and has_number and chosen != everything:
        doubt = _BY_NUMBER
    return (everything, doubt) if doubt else (chosen, "")


def _named(word: str, devices: Sequence[Device]) -> int | None:
    """Return the device that a word names: by number, UUID or its beginning, or MIG instance."""
    place = of_digits(word.partition(".")[0])  # of an Intel GPU a tile may be named: 0.1
    if place is not None:
        return devices[place].index if place < len(devices) else None
    if len(word) < 5 or word.lower() in _NONE:
        return None
    if word.startswith("MIG-GPU-"):
        word = word[4:].partition("/")[0]
    found = [device.index for device in devices if device.uuid.startswith(word)]
    return found[0] if len(found) == 1 else None
