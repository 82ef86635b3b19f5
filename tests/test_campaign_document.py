"""Several jobs in one document: nothing lost, joined by the files that went from one to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prov.model import ProvDocument

from tests.support.commands import run
from yprov_run.provenance import campaign as module
from yprov_run.provenance.campaign import campaign
from yprov_run.provenance.check import check

Document = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where three jobs ran: the second read what the first wrote."""
    where = tmp_path_factory.mktemp("campaign")
    for words in (
        ("-o", "made.txt", "sh", "-c", "echo made > made.txt"),
        ("-i", "made.txt", "-o", "more.txt", "sh", "-c", "cat made.txt made.txt > more.txt"),
        ("true",),
    ):
        run("yprov-run", "-q", "--no-report", "--name", "job", *words, cwd=where)
    return where


def _documents(folder: Path) -> list[tuple[str, Document]]:
    paths = [folder / f"yprov/job_{number}/prov.json" for number in (1, 2, 3)]
    return [(str(n), json.loads(path.read_text())) for n, path in enumerate(paths, start=1)]


def _together(folder: Path) -> Document:
    done = run("sh", "-c", "yprov-merge --no-report yprov/*", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert b"together    " in done.stdout
    document: Document = json.loads((folder / "yprov/campaign/prov.json").read_text())
    assert check(document) == []
    loaded = ProvDocument.deserialize(content=json.dumps(document), format="json")
    assert loaded.unified().get_records()
    return document


def test_all_records_of_all_jobs_are_in_it_under_their_full_identifiers(folder: Path) -> None:
    document = _together(folder)
    known = ProvDocument.deserialize(content=json.dumps(document), format="json")
    for _, single in _documents(folder):
        for record in ProvDocument.deserialize(content=json.dumps(single)).get_records():
            assert record.identifier is not None
            assert known.get_record(record.identifier), record.identifier


def test_a_job_follows_from_the_job_whose_file_it_read(folder: Path) -> None:
    document = _together(folder)
    chains = [r for r in document["wasInformedBy"].values() if "run:sharedSha256" in r]
    first, second = (document["prefix"][f"job_{number}"] for number in (1, 2))
    assert first != second
    assert [(r["prov:informed"], r["prov:informant"]) for r in chains] == [
        ("job_2:step/0", "job_1:step/0")
    ]
    (same,) = document["alternateOf"].values()
    paths = [document["entity"][same[f"prov:alternate{n}"]]["prov:label"] for n in (1, 2)]
    assert paths == ["made.txt", "made.txt"]


def test_the_order_of_the_jobs_makes_no_difference(folder: Path) -> None:
    documents = _documents(folder)
    assert campaign(documents) == campaign(documents[::-1])


def test_of_many_records_what_is_below_steps_is_left_to_the_jobs_documents(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 10)
    document = campaign(_documents(folder))
    assert check(document) == []
    assert document["activity"]["campaign"]["run:detail"] == "step"
    assert not [name for name in document["activity"] if ":node/" in name]
    assert [r for r in document["wasInformedBy"].values() if "run:sharedSha256" in r]
