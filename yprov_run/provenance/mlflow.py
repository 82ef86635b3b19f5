"""A run of MLflow's file store as PROV: parameters it used, metrics and tags it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yprov_run.merge import fields
from yprov_run.provenance.records import Attributes, Records, clean, local_part, own, times
from yprov_run.provenance.vocabulary import term


def add_run(records: Records, run: Mapping[str, Any], base: str, writer: str) -> str:
    """Add one run as an activity that is part of what wrote it; return what is not all of it."""
    activity = records.add(
        "activity",
        f"{base}/run",
        {
            "prov:type": term("MlflowRun"),
            "prov:label": clean(fields.text(run, "name") or fields.text(run, "run_id")),
            **times(fields.integer(run, "started_ms"), fields.integer(run, "ended_ms")),
            "schema:identifier": clean(fields.text(run, "run_id")),
            "dcterms:isPartOf": writer,
            **own(
                mlflowExperiment=fields.text(run, "experiment_id"),
                mlflowStatus=fields.text(run, "status"),
                tags=fields.mapping(run, "tags") or None,
                note=_stage(fields.text(run, "lifecycle_stage")),
            ),
        },
    )
    records.relate(
        "wasInformedBy", activity, writer,
        {"prov:informed": activity, "prov:informant": writer},
    )  # fmt: skip
    for name, value in sorted(fields.mapping(run, "params").items()):
        _add_parameter(records, activity, base, name, str(value))
    for name, metric in sorted(fields.mapping(run, "metrics").items()):
        if isinstance(metric, Mapping):
            _add_metric(records, activity, base, name, metric)
    return clean("; ".join(fields.texts(run, "left_out")))


def _stage(stage: str) -> str:
    return f"its lifecycle stage in MLflow is {clean(stage)}" if stage else ""


def _add_parameter(records: Records, activity: str, base: str, name: str, value: str) -> None:
    entity = records.add(
        "entity",
        f"{base}/param.{local_part(name)}",
        {
            "prov:type": "provml:HyperParameter",
            "prov:label": clean(name),
            "prov:value": clean(value),
            "prov:role": "input",
        },
    )
    records.relate("used", activity, entity, {"prov:activity": activity, "prov:entity": entity})


def _add_metric(
    records: Records, activity: str, base: str, name: str, metric: Mapping[str, Any]
) -> None:
    attributes: Attributes = {
        "prov:type": term("MlflowMetric"),
        "prov:label": clean(name),
        **own(
            pointCount=fields.integer(metric, "count"),
            firstValue=fields.number(fields.mapping(metric, "first"), "value"),
            lastValue=fields.number(fields.mapping(metric, "last"), "value"),
            smallestValue=fields.number(metric, "smallest"),
            largestValue=fields.number(metric, "largest"),
        ),
    }
    entity = records.add("entity", f"{base}/metric.{local_part(name)}", attributes)
    records.relate(
        "wasGeneratedBy", entity, activity, {"prov:entity": entity, "prov:activity": activity}
    )
