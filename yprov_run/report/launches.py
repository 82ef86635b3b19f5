"""The steps of a job as they were launched, read from its document alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from yprov_run.kinds.files import STDIN
from yprov_run.report.conditions import uses
from yprov_run.report.reading import Document, elements, structure, text_at


class Launch(NamedTuple):
    """A step as it was launched: its activity in the document, its command, and its folder.

    `options` are yprov-run's own: none where an older record has not kept them. `stdin` is the file
    that was its standard input, or empty.
    """

    step: str
    argv: Sequence[str]
    folder: str
    options: Sequence[str] = ()
    stdin: str = ""

    @property
    def words(self) -> list[str]:
        """What stands behind yprov-run."""
        return [*self.options, *self.argv]


def launches(document: Document) -> list[Launch]:
    """Return each step's command and working directory, in the order of launching."""
    steps = elements(document, "activity", "run:Step")
    started = {
        text_at(record, "prov:activity"): text_at(record, "prov:trigger")
        for record in elements(document, "wasStartedBy").values()
    }
    entities = elements(document, "entity")
    read = {
        use.step: text_at(use.entity, "prov:location")
        for use in uses(document, steps, "run:File")
        if text_at(use.relation, "run:origin") == STDIN
    }
    found = []
    for identifier, record in steps.items():
        command = entities.get(started.get(identifier, ""), {})
        argv, options = (_words(command, term) for term in ("run:argv", "run:options"))
        if argv:
            folder = text_at(record, "run:workingDirectory")
            found.append(Launch(identifier, argv, folder, options, read.get(identifier, "")))
    return found


def _words(record: Mapping[str, Any], term: str) -> list[str]:
    words = structure(record.get(term))
    return [str(word) for word in words] if isinstance(words, list) else []
