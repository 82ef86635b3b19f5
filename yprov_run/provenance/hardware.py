"""What nodes are made of: one description for all nodes that are equal."""

from __future__ import annotations

from collections import Counter

from yprov_run.merge import fields
from yprov_run.merge.detail import FULL, Detail
from yprov_run.model import Json, Step
from yprov_run.provenance.identifiers import node_id, step_id
from yprov_run.provenance.records import Attributes, Records, clean, compact, local_part, own
from yprov_run.provenance.vocabulary import term

_TEXTS = {
    "kernel": "kernel",
    "kernel_build": "kernelBuild",
    "system": "operatingSystem",
    "model": "nodeModel",
    "cpu_model": "cpuModel",
    "cpu_microcode": "cpuMicrocode",
    "cpu_governor": "cpuGovernor",
    "l3_cache": "l3Cache",
    "huge_pages": "hugePages",
    "gpu_driver": "gpuDriver",
    "firmware": "nodeFirmware",
}
_NUMBERS = {
    "cpus": "cpuCount",
    "sockets": "socketCount",
    "cores_per_socket": "coresPerSocket",
    "threads_per_core": "threadsPerCore",
    "numa_nodes": "numaNodeCount",
}


def add_hardware(records: Records, step: Step, level: Detail) -> None:
    """Add what a step's nodes are made of, and that each node execution used it.

    In documents of less detail, that the step did, with the number of nodes.
    """
    counts: Counter[str] = Counter()
    known: dict[int, Attributes] = {}  # equal nodes share what they told, as one object
    for node in step.nodes:
        told = fields.mapping(node.facts, "hardware")
        attributes = known.get(id(told)) or known.setdefault(id(told), _attributes(told))
        if not attributes:
            continue
        entity = f"hardware/{local_part(compact(attributes))[-8:]}"
        label = fields.text(told, "cpu_model") or "node"
        records.add(
            "entity",
            entity,
            {"prov:type": term("NodeHardware"), "prov:label": clean(label), **attributes},
        )
        counts[entity] += 1
        if level == FULL:
            _use(records, node_id(step, node), entity, {})
    if level != FULL:
        for entity, count in counts.items():
            _use(records, step_id(step), entity, own(nodeCount=count))


def _use(records: Records, activity: str, entity: str, more: Attributes) -> None:
    relation = {"prov:activity": activity, "prov:entity": entity, "prov:role": "hardware"}
    records.relate("used", activity, entity, {**relation, **more})


def _attributes(told: Json) -> Attributes:
    memory_gib = fields.integer(told, "memory_gib")
    max_khz = fields.integer(told, "cpu_max_khz")
    return own(
        **{own_name: fields.text(told, name) for name, own_name in _TEXTS.items()},
        **{own_name: fields.integer(told, name) for name, own_name in _NUMBERS.items()},
        nodeMemory=None if memory_gib is None else memory_gib << 30,
        maxCpuFrequency=None if max_khz is None else max_khz * 1000,
        interconnect=list(fields.texts(told, "interconnect")) or None,
    )
