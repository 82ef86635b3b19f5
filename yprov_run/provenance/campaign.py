"""Several jobs in one document: each job's records under its own namespace, joined by files.

A file that one job wrote and another read, known by its checksum, makes the second follow from the
first.
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from yprov_run.model import Gap
from yprov_run.provenance.records import Attributes, Records, clean, local_part, own
from yprov_run.provenance.rules.index import ELEMENTS, RELATIONS, Index, before, moment
from yprov_run.provenance.rules.sidefiles import is_beside
from yprov_run.provenance.vocabulary import NAMESPACES, term

Document = Mapping[str, Any]

_NAMESPACE = uuid.UUID("0d0cf1de-5d1c-5d6e-8a4e-0f2e2b1f9c55")
# Beyond, what stands below steps is left to the jobs' own documents.
MAX_RECORDS = 30_000
_BELOW_STEPS = ("node/", "samples/", "metric/", "columns/", "table/", "task/", "ml/")
_MAIN = "campaign"
_EMPTY = "0"


class Member(NamedTuple):
    """A job of several: its name, its document, and its folder as seen from the campaign's."""

    name: str
    document: Document
    folder: str


class _Part(NamedTuple):
    """One file's part in a job: the file, the step, and the step's times."""

    entity: str
    step: str
    started: str
    ended: str


def campaign(members: Sequence[Member], gaps: Sequence[Gap] = ()) -> dict[str, Any]:
    """Return one document of several jobs: the same for the same, in any order.

    Identifiers keep their full form: `job` of one document is the same thing here and there. Files
    beside a job's document are located from here. `gaps` are the jobs that are not among them.
    """
    by_uri: dict[str, Member] = {}
    missing = set(gaps)
    for member in sorted(members, key=lambda member: member.folder):
        kept = by_uri.setdefault(_default(member.document), member)
        if kept.folder != member.folder:
            words = f"left out: by its identifier it is the job of {kept.folder}"
            missing.add(Gap(member.folder, words))
    ordered = [by_uri[uri] for uri in sorted(by_uri)]
    identifier = uuid.uuid5(_NAMESPACE, "\n".join(sorted(by_uri)))
    records = Records({"default": f"urn:uuid:{identifier}#", **NAMESPACES})
    whole = sum(_count(member.document) for member in ordered) <= MAX_RECORDS
    parts = [_Job(records, member, whole) for member in ordered]
    _add_main(records, parts, whole, sorted(missing, key=lambda gap: (gap.where, gap.what)))
    for part in parts:
        part.add()
    _chain(records, parts)
    return records.as_json()


def _default(document: Document) -> str:
    prefixes = document.get("prefix")
    uri = prefixes.get("default") if isinstance(prefixes, Mapping) else None
    return uri if isinstance(uri, str) else ""


def _count(document: Document) -> int:
    return sum(len(records) for kind, records in document.items() if kind != "prefix")


def _add_main(records: Records, parts: Sequence[_Job], whole: bool, gaps: Sequence[Gap]) -> None:
    starts = sorted(time for part in parts if (time := part.time("prov:startTime")))
    ends = sorted(time for part in parts if (time := part.time("prov:endTime")))
    times: Attributes = {}
    if starts:
        times |= {"prov:startTime": starts[0], "prov:startedAtTime": starts[0]}
    if ends and len(ends) == len(parts):
        times |= {"prov:endTime": ends[-1], "prov:endedAtTime": ends[-1]}
    records.add(
        "activity",
        _MAIN,
        {
            "prov:type": term("Campaign"),
            "prov:label": f"{len(parts)} jobs",
            "yprov:experiment_name": f"{len(parts)} jobs",
            **times,
            **own(
                jobCount=len(parts),
                detail="full" if whole else "step",
                gapCount=len(gaps),
                gaps=[[gap.where, gap.what] for gap in gaps] or None,
            ),
        },
    )
    records.add(
        "entity",
        "execution_command",
        {
            "prov:type": "prov:Collection",
            "prov:label": "commands",
            "prov:value": "; ".join(part.command() for part in parts),
        },
    )


class _Job:
    """One job's document on its way into the campaign's."""

    def __init__(self, records: Records, member: Member, whole: bool) -> None:
        self.name = member.name
        self._folder = member.folder
        self._records = records
        self._index = Index(member.document)
        self._whole = whole
        self._prefixes = self._declare()

    def _declare(self) -> dict[str, str]:
        """Declare the job's prefixes, each under a name of its own unless it means the same."""
        spelled = {}
        for prefix, address in self._index.prefixes().items():
            wanted = f"job_{local_part(self.name)}" if prefix == "default" else prefix
            name, count = wanted.replace(".", "_").replace("-", "_"), 1
            while self._records.prefixes.get(name, address) != address:
                count += 1
                name = f"{wanted}_{count}"
            self._records.prefixes[name] = str(address)
            spelled[prefix] = name
        return spelled

    def spelled(self, name: str) -> str:
        """Return a name of the job's document as it is written in the campaign's."""
        prefix, colon, local = name.partition(":")
        if not colon:
            return f"{self._prefixes.get('default', 'default')}:{name}"
        return f"{self._prefixes.get(prefix, prefix)}:{local}"

    def time(self, name: str) -> str:
        """Return a time of the job; empty if it has none."""
        value = self._index.ids("activity").get("job", {}).get(name)
        return value if isinstance(value, str) else ""

    def command(self) -> str:
        """Return the job's command line."""
        value = self._index.ids("entity").get("execution_command", {}).get("prov:value")
        return value if isinstance(value, str) else ""

    def add(self) -> None:
        """Add the job's records, and the job to the campaign."""
        for kind in (*ELEMENTS, *RELATIONS):
            formal = RELATIONS.get(kind, {})
            for identifier, record in self._index.records(kind):
                if self._is_left_out(identifier, record, formal):
                    continue
                self._records.add(kind, self.spelled(identifier), self._record(record, formal))
        job = self.spelled("job")
        self._records.relate(
            "wasInformedBy", job, _MAIN, {"prov:informed": job, "prov:informant": _MAIN}
        )

    def _is_left_out(
        self, identifier: str, record: Mapping[str, Any], formal: Mapping[str, str]
    ) -> bool:
        if self._whole:
            return False
        names = [identifier, *(record.get(name) for name in formal)]
        return any(
            isinstance(name, str)
            and (name.startswith(_BELOW_STEPS) or name.startswith(("site:gpu.", "site:zone.")))
            for name in names
        )

    def _record(self, record: Mapping[str, Any], formal: Mapping[str, str]) -> Attributes:
        found: Attributes = {}
        for name, value in record.items():
            is_name = name in formal or name in {"dcterms:isPartOf", "dcterms:conformsTo"}
            if is_name and isinstance(value, str):
                value = self.spelled(value)
            elif name == "yprov:experiment_name":
                continue  # one activity has it: the campaign's own
            found[name] = value
        if is_beside(record):
            found["prov:location"] = posixpath.join(self._folder, record["prov:location"])
        return found

    def files(self, relation: str) -> Iterator[tuple[str, _Part]]:
        """Yield (checksum, part) of the job's own files that its steps generated or used."""
        entities, activities = self._index.ids("entity"), self._index.ids("activity")
        for _, record in self._index.records(relation):
            entity, step = record.get("prov:entity"), record.get("prov:activity")
            described = entities.get(entity) if isinstance(entity, str) else None
            activity = activities.get(step) if isinstance(step, str) else None
            if not isinstance(described, Mapping) or not isinstance(activity, Mapping):
                continue
            checksum = described.get("run:collectionSha256") or (
                described.get("schema:sha256") if described.get("prov:type") == term("File") else ""
            )
            if (
                isinstance(checksum, str)
                and checksum
                and described.get("schema:contentSize") != _EMPTY
            ):
                yield checksum, _Part(
                    self.spelled(str(entity)), self.spelled(str(step)),
                    str(activity.get("prov:startTime", "")), str(activity.get("prov:endTime", "")),
                )  # fmt: skip


def _chain(records: Records, parts: Sequence[_Job]) -> None:
    """Join the jobs: by each file, what read it to the last that had written it before."""
    made: dict[str, list[tuple[_Job, _Part]]] = {}
    for job in parts:
        for checksum, part in job.files("wasGeneratedBy"):
            made.setdefault(checksum, []).append((job, part))
    for job in parts:
        for checksum, part in job.files("used"):
            earlier = [
                maker
                for owner, maker in made.get(checksum, [])
                if owner is not job
                and maker.ended
                and part.started
                and not before(moment(part.started), moment(maker.ended))
            ]
            if not earlier:
                continue
            maker = max(earlier, key=lambda each: (each.ended, each.entity))
            records.relate(
                "alternateOf", part.entity, maker.entity,
                {"prov:alternate1": part.entity, "prov:alternate2": maker.entity},
            )  # fmt: skip
            records.relate(
                "wasInformedBy", part.step, maker.step,
                {
                    "prov:informed": part.step, "prov:informant": maker.step,
                    **own(sharedSha256=clean(checksum)),
                },
            )  # fmt: skip
