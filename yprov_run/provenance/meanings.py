"""What the values of our terms may be, and which terms of others say the same or nearly so.

docs/terms.md is made from this, and the check holds documents against the ranges.
"""

from __future__ import annotations

from typing import NamedTuple

from yprov_run.provenance.vocabulary import TERMS, Term


class Range(NamedTuple):
    """What a term's value may be: within bounds (None: unbounded), or one of some texts."""

    lowest: float | None = None
    highest: float | None = None
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.texts:
            return ", ".join(self.texts)
        if self.lowest is None and self.highest is None:
            return ""
        return f"{_bound(self.lowest)} to {_bound(self.highest)}"


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


_ANY = Range()
_TRUTH = Range(texts=("true", "false"))
_RANGES = {
    "state": Range(texts=("completed", "failed", "killed", "running", "unknown")),
    "detail": Range(texts=("full", "gpu", "node", "step")),
    "dirty": _TRUTH,
    "loadedByModule": _TRUTH,
    "isDefault": _TRUTH,
    "accountingFinal": _TRUTH,
    "exitStatus": _ANY,
    "clockOffset": _ANY,
    "energyDisagreement": Range(-1),
    "maxLoad": Range(0),
    "maxTemperature": Range(-273.15),
    "firstValue": _ANY,
    "lastValue": _ANY,
    "smallestValue": _ANY,
    "largestValue": _ANY,
}
_SHARE_UNIT = "1"
_NUMBERS = {"xsd:int", "xsd:long", "xsd:double"}


def range_of(term: Term) -> Range:
    """Return what a term's value may be: shares are 0 to 1, other numbers not negative."""
    if term.name in _RANGES:
        return _RANGES[term.name]
    if term.datatype not in _NUMBERS:
        return _ANY
    return Range(0, 1) if term.unit == _SHARE_UNIT else Range(0)


RANGES = {f"run:{name}": found for name, term in TERMS.items() if (found := range_of(term)) != _ANY}

# term: others' that say the same (=), something wider (<), or something near (~)
MATCHES = {
    "Job": "< schema:Action; = yProv4ML's run, the activity with yprov:experiment_name",
    "Campaign": "< schema:Action",
    "Step": "< schema:Action",
    "NodeExecution": "< schema:Action",
    "Task": "< schema:Action",
    "SchedulerJob": "< schema:Action",
    "Host": "< schema:IndividualProduct",
    "GPU": "< schema:IndividualProduct",
    "PowerZone": "< schema:IndividualProduct",
    "NodeHardware": "< schema:ProductModel",
    "CodeState": "< schema:SoftwareSourceCode",
    "PythonEnvironment": "< schema:SoftwareApplication",
    "Program": "< schema:SoftwareApplication",
    "Libraries": "< schema:SoftwareApplication",
    "Module": "< schema:SoftwareApplication",
    "EasyBuildPackage": "< schema:SoftwareApplication",
    "Requirements": "~ schema:softwareRequirements",
    "ContainerImage": "= ContainerImage of the Workflow Run RO-Crate terms",
    "Command": "< prov:Plan",
    "File": "< schema:MediaObject; ~ yProv4ML's artifact",
    "Attachment": "< schema:MediaObject",
    "EmbeddedDocument": "< schema:MediaObject",
    "SampleFile": "< schema:Dataset",
    "TaskTable": "< schema:Dataset",
    "DeviceTable": "< schema:Dataset",
    "NodeTable": "< schema:Dataset",
    "ZoneTable": "< schema:Dataset",
    "SampleTable": "< schema:Dataset",
    "ColumnSchema": "< dcterms:Standard",
    "MlflowRun": "< schema:Action",
    "MlflowMetric": "~ provml:Metric",
    "state": "~ schema:actionStatus",
    "stateReason": "~ schema:error",
    "tags": "~ schema:keywords",
    "workingDirectory": "~ yprov:experiment_dir",
    "sharedSha256": "= schema:sha256",
    "collectionSha256": "~ schema:sha256",
    "energy": "~ sum of the family's metric gpu_energy",
    "meanPower": "= mean of the family's metric gpu_power",
    "maxPower": "= highest of the family's metric gpu_power",
    "meanUtilisation": "= mean of the family's metric gpu_usage_pct / 100",
    "maxUtilisation": "= highest of the family's metric gpu_usage_pct / 100",
    "maxMemory": "= highest of the family's metric gpu_memory_usage_gb x 2^30",
    "maxTemperature": "= highest of the family's metric gpu_temperature_c",
    "meanCpuUtilisation": "= mean of the family's metric cpu_usage_pct / 100",
    "maxNodeMemory": "= highest of the family's metric ram_usage_gb x 2^30",
    "cost": "~ schema:price",
    "currency": "= schema:priceCurrency",
    "partOf": "< dcterms:isPartOf",
    "unit": "= schema:unitCode",
    "uuid": "~ schema:serialNumber",
    "driverVersion": "< schema:softwareVersion",
    "gpuDriver": "< schema:softwareVersion",
    "account": "~ schema:accountId",
    "source": "~ dcterms:source",
    "memberCount": "= schema:numberOfItems",
    "manifest": "~ schema:hasPart",
    "commit": "~ schema:version",
    "components": "~ schema:softwareRequirements",
    "kernel": "= yprov:release",
    "operatingSystem": "= schema:operatingSystem; ~ yprov:operating_system",
    "nodeModel": "= schema:model",
    "cpuModel": "~ yprov:processor",
    "imageReference": "~ dcterms:identifier",
    "note": "= schema:description, dcterms:description",
}

# Terms of others that our documents hold, and what they say there.
BORROWED = {
    "schema:identifier": "the job's number in its scheduler, or another job's",
    "schema:name": "what a node calls itself",
    "schema:model": "model of a GPU",
    "schema:sha256": "SHA-256 of a file, in hexadecimal digits",
    "schema:contentSize": "size of a file or collection in B, as a text of digits",
    "schema:encodingFormat": "media type of a file",
    "schema:softwareVersion": "version of a program",
    "dcterms:isPartOf": "what an activity is a part of: a node execution of a step, that of a job",
    "dcterms:conformsTo": "the columns of a table",
    "dcterms:identifier": "path of a file; of a metric file, as the family's programs look for it",
    "dcterms:modified": "when a file was last changed",
    "provml:Metric": "type of a metric file, as the family's programs look for it",
    "yprov:experiment_name": "name of the job; the family's programs know the main activity by it",
    "yprov:run_id": "the job's number",
    "yprov:operating_system, yprov:release, yprov:machine": "of the launching host",
    "yprov:host_name": "the launching host",
    "yprov:context, yprov:source": "of a metric file: step and node, and GPU or host",
    "yprov:file_size": "size of a file in B, as a text of digits",
}
