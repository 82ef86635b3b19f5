"""Nodes and GPUs: things that outlive the job, and what this job used of them."""

from __future__ import annotations

from yprov_run.merge import fields
from yprov_run.merge.detail import FULL, Detail
from yprov_run.merge.totals import Totals
from yprov_run.model import ColumnStats, DeviceUse, NodeExecution
from yprov_run.provenance.levels import brief_use, own_at
from yprov_run.provenance.records import Attributes, Records, clean, local_part, own
from yprov_run.provenance.vocabulary import term


def node_figures(node: NodeExecution) -> dict[str, object]:
    """Return what is known of a node execution besides its figures."""
    end = fields.mapping(node.facts, "end")
    rss_kib = fields.integer(end, "agent_peak_rss_kib")
    return {
        "coverage": _coverage(node),
        "clockOffset": node.clock_offset_ms / 1000 if node.clock_offset_ms else None,
        "samplingInterval": fields.number(node.facts, "interval_s"),
        "agentCpuTime": fields.number(end, "agent_cpu_s"),
        "agentMaxMemory": None if rss_kib is None else rss_kib * 1024,
    }


def _coverage(node: NodeExecution) -> float | None:
    ends = (node.started_ms, node.ended_ms, node.first_sample_ms, node.last_sample_ms)
    started, ended, first, last = ends
    if started is None or ended is None or first is None or last is None or ended <= started:
        return None
    return max(0.0, min(1.0, (min(last, ended) - max(first, started)) / (ended - started)))


def add_host(records: Records, activity: str, node: NodeExecution) -> None:
    """Add the node as an entity that the execution used."""
    host = records.add(
        "entity",
        f"site:node.{local_part(node.name)}",
        {
            "prov:type": term("Host"),
            "prov:label": clean(node.name),
            **({"schema:name": clean(node.hostname)} if node.hostname else {}),
        },
    )
    records.relate(
        "used", activity, host,
        {"prov:activity": activity, "prov:entity": host, "prov:role": "host"},
    )  # fmt: skip


def add_device(records: Records, activity: str, use: DeviceUse, level: Detail) -> None:
    """Add a GPU with what never changes; what it did in this job stands on the usage."""
    device = use.device
    attributes: Attributes = {"prov:type": term("GPU"), "schema:model": clean(device.name)}
    # Of thousands, what the identifier and the model say already is not said again.
    if level == FULL:
        attributes["prov:label"] = attributes["schema:model"]
    if level == FULL or local_part(device.uuid) != device.uuid:
        attributes |= own(uuid=device.uuid)
    entity = records.add("entity", f"site:gpu.{local_part(device.uuid)}", attributes)
    used = {"prov:activity": activity, "prov:entity": entity, "prov:role": "accelerator"}
    if level == FULL:
        used |= own(pciBusId=device.pci_bus_id, driverVersion=device.driver_version)
        used |= own(firmwareVersion=device.firmware)
        used |= own(**_use_figures(use))
    else:
        used |= brief_use(use)
    # Short, as there are eight a node; drivers of two makers both begin to count at 0.
    name = f"gpu{device.index}.{local_part(device.uuid)[-8:]}"
    records.relate("used", activity, name, used)


def _use_figures(use: DeviceUse) -> dict[str, object]:
    """Return the figures of one device's use, by their terms."""
    return {
        "energy": use.energy_j,
        "energyBound": use.energy_bound_j,
        "energyEstimated": None if use.energy_j is None else use.energy_estimated_j,
        "energySource": use.energy_source,
        "energySecond": use.energy_second_j,
        "energyDisagreement": use.energy_disagreement,
        "energySegments": use.energy_segments if use.energy_j is not None else None,
        "counterUpdate": use.update_s,
        "meanPower": _of(use.power, "mean"),
        "maxPower": use.peak_power_w,
        "meanUtilisation": _of(use.utilisation, "mean"),
        "maxUtilisation": _of(use.utilisation, "maximum"),
        "maxMemory": _of(use.memory, "maximum"),
        "maxTemperature": _of(use.temperature, "maximum"),
        "meanClock": _of(use.clock, "mean"),
        "meanSmBusy": _of(use.sm_busy, "mean"),
        "meanTensorBusy": _of(use.tensor_busy, "mean"),
        "meanDramBusy": _of(use.dram_busy, "mean"),
        "idleShare": use.idle_share,
        "idleEnergy": use.idle_energy_j,
        "throttledShare": use.throttled_share,
        "throttledBy": dict(use.throttled_by) or None,
        "coverage": use.coverage,
        "note": use.device.note,
    }


def more_figures(figures: Totals) -> dict[str, object]:
    """Return what devices came to together, besides what stands in the document itself."""
    return {
        "energyBound": figures.energy_bound_j,
        "energySecond": figures.energy_second_j,
        "energyScopes": [
            [scope.kind, scope.devices, round(scope.energy_j, 3), scope.bound_j]
            for scope in figures.energy_scopes
        ]
        or None,
        "measuredEnergy": figures.measured_energy_j,
        "measuredEnergyBound": figures.measured_bound_j,
        "measuredScopes": ", ".join(figures.measured_scopes),
        "idleShare": figures.idle_share,
        "idleEnergy": figures.idle_energy_j,
        "throttledShare": figures.throttled_share,
        "deviceCoverage": figures.coverage,
        "deviceImbalance": figures.device_imbalance,
        "nodeImbalance": figures.node_imbalance,
        "stragglers": [[each.name, each.what] for each in figures.stragglers] or None,
    }


def add_zone(
    records: Records, activity: str, node: NodeExecution, use: DeviceUse, level: Detail
) -> None:
    """Add another part of a node whose power or memory was read, and what it used."""
    device = use.device
    entity = records.add(
        "entity",
        f"site:zone.{local_part(node.name)}.{local_part(device.uuid)}",
        {
            "prov:type": term("PowerZone"),
            "prov:label": clean(device.name),
            **own(zoneKind=device.kind, uuid=device.uuid),
        },
    )
    attributes: Attributes = {
        "prov:activity": activity, "prov:entity": entity, "prov:role": device.kind,
    }  # fmt: skip
    known = {"partOf": device.parent, "sensor": device.source, **_use_figures(use)}
    more = own_at(level, known)
    records.relate("used", activity, entity, {**attributes, **more})


def _of(stats: ColumnStats | None, figure: str) -> float | None:
    value = None if stats is None else getattr(stats, figure)
    return None if value is None else float(value)
