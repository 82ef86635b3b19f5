"""What changed between two jobs: what they ran with, most telling first, and what came of it."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from yprov_run.report.attachments import all_there
from yprov_run.report.facts import ARGUMENTS, CIRCUMSTANCES, INPUTS, SCRIPT, SECTIONS, Fact, facts
from yprov_run.report.listing import row
from yprov_run.report.reading import Document, elements, value
from yprov_run.report.untold import untold_of_two
from yprov_run.report.where import Row
from yprov_run.report.words import duration, joules, memory

# field of a job's row: (what it is called, how its number is said)
_RESULTS = {
    "state": ("state", str),
    "time": ("time", duration),
    "energy": ("GPU energy", joules),
    "meanUtilisation": ("GPU use, mean", "{:.0%}".format),
    "maxUtilisation": ("GPU use, peak", "{:.0%}".format),
    "meanPower": ("GPU power, mean", "{:.0f} W".format),
    "maxMemory": ("GPU memory, peak", memory),
    "meanCpuUtilisation": ("CPU, mean", "{:.0%}".format),
    "maxNodeMemory": ("node memory, peak", memory),
    "gapCount": ("gaps", str),
}


_OUTPUTS = 20  # that are named


class Change(NamedTuple):
    """A fact that differs; None on the side that lacks it."""

    section: str
    key: str
    first: str | None
    second: str | None


class Result(NamedTuple):
    """A figure of both jobs; `ratio` is second over first where both are numbers."""

    name: str
    first: str
    second: str
    ratio: float | None


class Untold(NamedTuple):
    """A section of facts that was not captured of one job, or of both."""

    section: str
    first: bool
    second: bool


class Comparison(NamedTuple):
    """Two jobs held against each other; `equal` counts what is the same, by section."""

    changes: tuple[Change, ...]
    equal: Mapping[str, int]
    results: tuple[Result, ...]
    untold: tuple[Untold, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether they are known to differ in what matters for doing it again."""
        return any(change.section != CIRCUMSTANCES for change in self.changes)


def compare(
    first: Document, second: Document, folders: tuple[Path | None, Path | None] = (None, None)
) -> Comparison:
    """Return what differs between two documents, in the order of `facts.SECTIONS`.

    What one job lacks is no change where that was not captured of it. Packages and patches are
    read where both jobs have their files; else their checksums tell.
    """
    documents = (first, second)
    pairs = tuple(zip(documents, folders, strict=True))
    if not all(folder is None or all_there(document, folder) for document, folder in pairs):
        pairs = ((first, None), (second, None))
    left, right = (_counted(facts(*pair)) for pair in pairs)
    missing = untold_of_two(first, second)
    same = left & right
    equal: Counter[str] = Counter()
    for fact, number in same.items():
        equal[fact.section] += number
    ours, theirs = _keyed(left - same), _keyed(right - same)
    changes = []
    moved = _moved_inputs(ours, theirs)
    for place in dict.fromkeys((*ours, *theirs)):
        section, key, _ = place
        change = Change(section, key, ours.get(place), theirs.get(place))
        if place in moved:
            equal[section] += 1
        elif _is_both(change) or section not in missing[0 if change.first is None else 1]:
            changes.append(change)
    changes.sort(key=_telling)
    return Comparison(
        tuple(changes),
        dict(sorted(equal.items())),
        _results(row(first), row(second)) + _output_results(_outputs(first), _outputs(second)),
        tuple(
            Untold(section, *(section in sections for sections in missing))
            for section in SECTIONS
            if any(section in sections for sections in missing)
        ),
    )


def _counted(found: Iterable[Fact]) -> Counter[Fact]:
    """Return facts, each once however many steps have it; a batch script may say one twice."""
    counted = Counter(found)
    for fact in counted:
        if fact.section != SCRIPT:
            counted[fact] = 1
    return counted


def _is_both(change: Change) -> bool:
    return change.first is not None and change.second is not None


Place = tuple[str, str, int]


def _keyed(found: Counter[Fact]) -> dict[Place, str]:
    """Return facts by section, key, and which of that key it is.

    Without those that are equal in both jobs: one that came or went would else put every later one
    of its key beside another.
    """
    seen: Counter[tuple[str, str]] = Counter()
    keyed: dict[Place, str] = {}
    for section, key, text in sorted(found.elements()):
        keyed[section, key, seen[section, key]] = text
        seen[section, key] += 1
    return keyed


def _moved_inputs(left: Mapping[Place, str], right: Mapping[Place, str]) -> set[Place]:
    """Return the inputs that have another path in the other job, and the same content there."""
    gone = {p: text for p, text in left.items() if p[0] == INPUTS and p not in right}
    come = {p: text for p, text in right.items() if p[0] == INPUTS and p not in left}
    same = {t for t in gone.values() if t.startswith("sha256 ")} & set(come.values())
    return {place for place, text in {**gone, **come}.items() if text in same}


def _telling(change: Change) -> tuple[int, bool, str]:
    """Order by section; in it first what changed, then what came or went."""
    return SECTIONS.index(change.section), not _is_both(change), change.key


def _results(first: Row, second: Row) -> tuple[Result, ...]:
    results = []
    for field, (name, say) in _RESULTS.items():
        one, other = first.get(field), second.get(field)
        if one is None and other is None:
            continue
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        ratio = float(other) / float(one) if numbers and one and other is not None else None
        words = ["-" if found is None else str(say(found)) for found in (one, other)]  # type: ignore[operator]
        results.append(Result(name, words[0], words[1], ratio))
    return tuple(results)


def _outputs(document: Document) -> dict[str, str]:
    """Return what tells the last version of each file that a job made: by path."""
    found: dict[str, str] = {}
    for record in elements(document, "entity").values():
        is_a_file = value(record.get("prov:type")) in {"run:File", "prov:Collection"}
        if not is_a_file or value(record.get("prov:role")) != "output":
            continue
        path = str(value(record.get("prov:location")) or "")
        digest = value(record.get("schema:sha256")) or value(record.get("run:collectionSha256"))
        size = value(record.get("schema:contentSize"))
        words = f"sha256 {digest}" if digest else f"{size} bytes" if size is not None else ""
        if path and words:
            found[path] = words
    return found


def _output_results(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Result, ...]:
    """Return the files of the same paths that differ, and how many others each job has alone."""
    both = [path for path in first if path in second]
    differing = [path for path in both if first[path] != second[path]]
    rows = [
        Result(f"output {path}", first[path], second[path], None) for path in differing[:_OUTPUTS]
    ]
    if more := len(differing) - len(rows):
        rows.append(Result("more outputs that differ", str(more), str(more), None))
    if len(both) > len(differing):
        equal = str(len(both) - len(differing))
        rows.append(Result("outputs that are equal", equal, equal, None))
    alone = [len(first) - len(both), len(second) - len(both)]
    if any(alone):
        rows.append(Result("outputs of one job alone", str(alone[0]), str(alone[1]), None))
    return tuple(rows)


def argument_changes(first: str | None, second: str | None) -> list[tuple[str | None, str | None]]:
    """Return the words that differ between two commands, as pairs of what stood and what stands.

    None where there was no word; an empty word is an empty text.
    """
    one, other = _words(first), _words(second)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return [
        (" ".join(one[a:b]) if b > a else None, " ".join(other[c:d]) if d > c else None)
        for code, a, b, c, d in matcher.get_opcodes()
        if code != "equal"
    ]


def _words(text: str | None) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return [text or ""]
    return [str(word) for word in found] if isinstance(found, list) else [str(found)]


def as_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as JSON has it."""
    return {
        "differs": comparison.differs,
        "changes": [change._asdict() for change in comparison.changes],
        "equal": dict(comparison.equal),
        "results": [result._asdict() for result in comparison.results],
        "untold": [each._asdict() for each in comparison.untold],
    }


def is_command(change: Change) -> bool:
    """Tell whether a change is of a command line, to be shown word by word."""
    return _is_both(change) and change.section == ARGUMENTS and not change.key.endswith("launcher")


__all__ = ["Change", "Comparison", "Fact", "Result", "argument_changes", "as_json", "compare"]
