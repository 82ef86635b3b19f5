"""Which facts of a job were not captured, by what its document says is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yprov_run.report.facts import (
    CODE,
    CONTAINER,
    ENVIRONMENT,
    INPUTS,
    MODULES,
    PACKAGES,
    SCRIPT,
    SECTIONS,
)
from yprov_run.report.reading import Document, elements, main_activity, structure, value

_CAPTURED = (CODE, ENVIRONMENT, MODULES, PACKAGES, CONTAINER, SCRIPT)  # beside the job, by kinds
_OF_KIND = {
    "code": CODE, "environment": ENVIRONMENT, "modules": MODULES, "software": PACKAGES,
    "binaries": PACKAGES, "container": CONTAINER, "inside": CONTAINER, "scheduler": SCRIPT,
}  # fmt: skip
_MISSED = re.compile(r"(.*?)(?::| are) not (?:captured|looked at|done within)\b")


def untold(document: Document) -> tuple[str, ...]:
    """Return the sections of facts that were not captured, or not of every step."""
    _, job = main_activity(document)
    found = set(_missed(structure(job.get("run:gaps"))))
    if value(job.get("run:state")) == "running":  # what is not there yet may come
        found.update((*_CAPTURED, INPUTS))
    return tuple(section for section in SECTIONS if section in found)


def untold_of_two(first: Document, second: Document) -> list[set[str]]:
    """Return of both what was not captured; of one whose programs nobody saw, that as well.

    Of a step that ends at once the agents see nothing, which is no difference to another.
    """
    missing = [set(untold(first)), set(untold(second))]
    saw = [bool(elements(document, "entity", "run:Program")) for document in (first, second)]
    if any(saw) and not all(saw):
        missing[saw.index(False)].add(PACKAGES)
    return missing


def _missed(gaps: object) -> Iterator[str]:
    for gap in gaps if isinstance(gaps, list) else ():
        match = _MISSED.match(str(gap[1])) if isinstance(gap, list) and len(gap) == 2 else None
        if match is None:
            continue
        what = match[1]
        if what in _OF_KIND:
            yield _OF_KIND[what]
            continue
        if what.startswith("code, software"):
            yield from _CAPTURED
        if "files" in what or what.startswith("inputs"):
            yield INPUTS
