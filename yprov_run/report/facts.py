"""What a job ran with, as facts under a section, a key and a value: the ground of a comparison."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from yprov_run.report.attachments import (
    DIFF,
    TABLE,
    Attachment,
    attachment_of,
    rows_of,
    text_of,
)
from yprov_run.report.patches import by_file
from yprov_run.report.reading import Document, elements, main_activity, structure, value

CODE, ARGUMENTS, PARAMETERS = "code", "arguments", "parameters"
ENVIRONMENT, MODULES = "environment", "modules"
PACKAGES, CONTAINER, INPUTS, SCRIPT = "packages", "container", "inputs", "batch script"
HARDWARE, OTHER, CIRCUMSTANCES = "hardware", "other facts", "circumstances"

# Most telling first. What is under circumstances is different in every run.
SECTIONS = (
    CODE, ARGUMENTS, PARAMETERS, ENVIRONMENT, MODULES, PACKAGES, CONTAINER, INPUTS, HARDWARE,
    SCRIPT, OTHER, CIRCUMSTANCES,
)  # fmt: skip

# The section of an entity's facts, by a word of its type's name; the first that fits.
_BY_TYPE = (
    ("Parameter", PARAMETERS), ("Code", CODE), ("Repository", CODE), ("Submodule", CODE),
    ("Patch", CODE), ("Diff", CODE),
    ("Module", MODULES), ("Package", PACKAGES), ("Software", PACKAGES), ("Python", PACKAGES),
    ("Librar", PACKAGES), ("Executable", PACKAGES), ("Program", PACKAGES),
    ("Container", CONTAINER), ("Environment", ENVIRONMENT), ("Variable", ENVIRONMENT),
    ("Hardware", HARDWARE), ("Script", SCRIPT), ("Directive", SCRIPT),
    ("System", HARDWARE), ("Machine", HARDWARE),
    ("NodeKind", HARDWARE), ("Processor", HARDWARE),
)  # fmt: skip
_SKIPPED_TYPES = {
    "provml:Metric", "run:SampleFile", "run:TaskTable", "run:Host", "run:GPU", "run:PowerZone",
    "run:File", "prov:Collection", "prov:Plan", "run:Command", "run:ColumnSchema",
    "run:DeviceTable", "run:NodeTable", "run:ZoneTable", "run:SampleTable",
    "run:EmbeddedDocument", "run:RefusedRecord", "run:MlflowRun", "run:MlflowMetric",
}  # fmt: skip
# Where a run was, and when: never the same twice, and nothing hangs on it.
_VOLATILE = re.compile(
    r"(?:SLURM|SBATCH|PBS|LSB|FLUX|PMI|PMIX|OMPI|HYDRA|PALS|COBALT)\w*"
    r"(?:ID|IDS|NODELIST|ADDR|HOST|PORTS?|TIME|PID|DIR|NODE|NODES|NAME|FILE|URI|JOBFS|HOSTS)\w*"
    r"|PWD|TMPDIR|HOSTNAME|YPROV_\w*|SSH_\w*|XDG_SESSION_\w*|SHLVL|OLDPWD|_|KRB5CCNAME"
    r"|CONDA_PROMPT\w*"
    r"|LOADEDMODULES|_LMFILES_\w*"  # once more what the modules' own facts say
)
_MARKS_OF_RECORD = ("prov:label", "prov:type", "prov:role", "prov:location", "dcterms:identifier")
_OF_THE_RECORDING = re.compile(
    r"(?i).*(leftoutcount|rowcount|untrackedcount|contentsize|file_size|modified|manifest|inode"
    r"|cutvariables)"
)
_DIGITS = 12


class Fact(NamedTuple):
    """Something that may differ between two runs."""

    section: str
    key: str
    value: str


def facts(document: Document, folder: Path | None = None) -> Iterator[Fact]:
    """Yield what a job ran with; keys may come again and are told apart by the caller.

    From the job's folder, if given, packages come one by one; else as one checksum.
    """
    yield from _commands(document)
    yield from _of_the_job(document)
    yield from _inputs(document)
    yield from _hardware(document)
    for identifier, record in elements(document, "entity").items():
        type_name = str(value(record.get("prov:type")) or "")
        if type_name in _SKIPPED_TYPES or _is_role(record, "output"):
            continue
        if type_name == "run:Attachment":
            attachment = None if folder is None else attachment_of(record, folder)
            found = [] if attachment is None else list(_attached(attachment))
            yield from found or _summed_up(record)
            continue
        if type_name.startswith("provml:") and "Parameter" not in type_name:
            continue  # what the program itself recorded of its results
        if type_name == "run:Module":
            yield _module(record)
            continue
        yield from _of_entity(identifier, type_name, record)


def is_volatile(variable: str) -> bool:
    """Tell whether a variable says where and when a run was, and nothing hangs on it."""
    return _VOLATILE.fullmatch(variable) is not None


def _module(record: Mapping[str, Any]) -> Fact:
    """Return a loaded module as one fact: its version, and what the file that defines it holds."""
    label = str(value(record.get("prov:label")) or "")
    version = str(value(record.get("schema:softwareVersion")) or "no version")
    digest = str(value(record.get("schema:sha256")) or "")
    words = f"{version} (file sha256 {digest[:_DIGITS]})" if digest else version
    return Fact(MODULES, str(value(record.get("schema:name")) or label), words)


def _summed_up(record: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the checksum of an attachment that is not read."""
    media_type = value(record.get("schema:encodingFormat"))
    label = str(value(record.get("prov:label")) or "attachment")
    section = CODE if media_type == DIFF else PACKAGES if media_type == TABLE else OTHER
    yield Fact(section, label, f"sha256 {value(record.get('schema:sha256'))}")


def _attached(attachment: Attachment) -> Iterator[Fact]:
    """Yield the rows of a table of software by name, and a patch by the files that it changes."""
    if attachment.media_type == DIFF:
        for part in by_file(text_of(attachment)):
            section = CIRCUMSTANCES if part.is_result else CODE
            yield Fact(section, f"changes in {part.path}", f"sha256 {part.sha256}")
    if attachment.media_type != TABLE:
        return
    for row in rows_of(attachment):
        key = next((name for name in ("name", "path") if row.get(name)), "")
        rest = [text for name, text in row.items() if text and name not in (key, "manager")]
        if key:
            yield Fact(PACKAGES, row[key], " ".join(rest))


def _is_role(record: Mapping[str, Any], role: str) -> bool:
    return bool(value(record.get("prov:role")) == role)


def _commands(document: Document) -> Iterator[Fact]:
    for identifier, record in elements(document, "entity").items():
        if identifier == "execution_command" or identifier.startswith("command/"):
            words = structure(record.get("run:argv"))
            number = "0" if identifier == "execution_command" else identifier.partition("/")[2]
            text = json.dumps(words) if isinstance(words, list) else str(
                value(record.get("prov:value")) or "")  # fmt: skip
            yield Fact(ARGUMENTS, f"step {number}", text)
        elif identifier.startswith("batch_script/"):
            yield Fact(SCRIPT, "text", f"sha256 {value(record.get('schema:sha256'))}")
            for directive in structure(record.get("run:directives")) or ():
                yield Fact(SCRIPT, "directive", str(directive))
    for record in elements(document, "activity", "run:Step").values():
        label = str(value(record.get("prov:label")) or "step")
        yield Fact(ARGUMENTS, f"{label} launcher", str(value(record.get("run:launcher")) or ""))
        folder = str(value(record.get("run:workingDirectory")) or "")
        yield Fact(CIRCUMSTANCES, f"{label} folder", folder)


def _of_the_job(document: Document) -> Iterator[Fact]:
    _, job = main_activity(document)
    for name in ("yprov:operating_system", "yprov:machine", "run:scheduler"):
        yield Fact(HARDWARE, name.partition(":")[2].replace("_", " "), str(value(job.get(name))))
    for name in ("partition", "account", "qos"):
        if f"run:{name}" in job:
            yield Fact(CIRCUMSTANCES, name, str(value(job.get(f"run:{name}"))))
    yield Fact(CIRCUMSTANCES, "kernel", str(value(job.get("yprov:release")) or ""))
    variables = structure(job.get("run:schedulerVariables"))
    if isinstance(variables, dict):
        yield from (_variable(name, text) for name, text in variables.items())
    tags = structure(job.get("run:tags"))
    if isinstance(tags, dict):
        yield from (Fact(CIRCUMSTANCES, f"tag {key}", str(text)) for key, text in tags.items())


def _variable(name: str, text: object) -> Fact:
    section = CIRCUMSTANCES if is_volatile(name) else ENVIRONMENT
    return Fact(section, name, text if isinstance(text, str) else json.dumps(text))


def _inputs(document: Document) -> Iterator[Fact]:
    generated = {
        value(record.get("prov:entity")) for record in elements(document, "wasGeneratedBy").values()
    }
    used = {value(record.get("prov:entity")) for record in elements(document, "used").values()}
    for identifier, record in elements(document, "entity").items():
        kind = value(record.get("prov:type"))
        if kind not in {"run:File", "prov:Collection"} or identifier in generated:
            continue
        if identifier not in used:
            continue
        path = str(value(record.get("prov:location")) or identifier)
        digest = value(record.get("schema:sha256")) or value(record.get("run:collectionSha256"))
        if digest:
            yield Fact(INPUTS, path, f"sha256 {digest}")
        else:
            size, time = record.get("schema:contentSize"), record.get("dcterms:modified")
            yield Fact(INPUTS, path, f"{value(size)} bytes, changed {value(time)}")


def _hardware(document: Document) -> Iterator[Fact]:
    models = Counter(
        str(value(record.get("schema:model")) or value(record.get("prov:label")) or "unknown")
        for record in elements(document, "entity", "run:GPU").values()
    )
    yield from (Fact(HARDWARE, f"GPUs {model}", str(number)) for model, number in models.items())
    names = sorted(
        str(value(record.get("prov:label")) or "")
        for record in elements(document, "entity", "run:Host").values()
    )
    yield Fact(HARDWARE, "nodes", str(len(names)))
    yield Fact(HARDWARE, "GPUs", str(value(main_activity(document)[1].get("run:gpuCount"))))
    yield Fact(CIRCUMSTANCES, "node names", " ".join(names))
    for term, name in (
        ("run:driverVersion", "GPU driver"),
        ("run:firmwareVersion", "GPU firmware"),
    ):
        versions = {
            str(value(record[term]))
            for record in elements(document, "used").values()
            if term in record
        }
        if versions:
            yield Fact(HARDWARE, name, ", ".join(sorted(versions)))


def _of_entity(identifier: str, type_name: str, record: Mapping[str, Any]) -> Iterator[Fact]:
    name = type_name.rpartition(":")[2]
    section = next((where for word, where in _BY_TYPE if word in name), OTHER)
    label = str(value(record.get("prov:label")) or identifier)
    for attribute, found in record.items():
        if attribute in _MARKS_OF_RECORD or _OF_THE_RECORDING.fullmatch(attribute):
            continue
        local = attribute.rpartition(":")[2]
        inner = structure(found)
        if isinstance(inner, dict):
            for key, text in inner.items():
                fact = _variable(str(key), text)
                yield fact if section == ENVIRONMENT else fact._replace(section=section)
        elif isinstance(inner, list) and inner:
            for item in inner:
                yield _item(section, item)
        else:
            yield Fact(section, f"{label} {local}", str(value(found)))


def _item(section: str, item: object) -> Fact:
    """Return one of a list: `{"name": x, "version": y, ...}`, `[name, version]` or a text."""
    if isinstance(item, dict) and "name" in item:
        rest = {key: text for key, text in item.items() if key != "name"}
        words = str(rest["version"]) if set(rest) == {"version"} else json.dumps(rest)
        return Fact(section, str(item["name"]), words)
    if isinstance(item, list) and item:
        return Fact(section, str(item[0]), " ".join(map(str, item[1:])))
    name, slash, version = str(item).partition("/")
    return Fact(section, name, version if slash else str(item))
