"""Several jobs in one document: nothing lost, joined by the files that went from one to another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from prov.model import ProvDocument

from tests.support.commands import run
from yprov_run.provenance import campaign as module
from yprov_run.provenance.campaign import Member, campaign
from yprov_run.provenance.check import check
from yprov_run.provenance.rules.sidefiles import check_side_files

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


def _members(folder: Path) -> list[Member]:
    return [
        Member(str(n), json.loads((folder / f"yprov/job_{n}/prov.json").read_text()), f"../job_{n}")
        for n in (1, 2, 3)
    ]


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
    for member in _members(folder):
        single = json.dumps(member.document)
        for record in ProvDocument.deserialize(content=single).get_records():
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
    members = _members(folder)
    assert campaign(members) == campaign(members[::-1])


def test_its_check_finds_the_files_beside_the_jobs_also_where_all_was_moved(
    folder: Path, tmp_path: Path
) -> None:
    _together(folder)
    moved = shutil.copytree(folder / "yprov", tmp_path / "moved")
    done = run("yprov-inspect", "check", "moved/campaign/prov.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    document = json.loads((moved / "campaign/prov.json").read_text())
    (samples,) = (n for n in document["entity"] if n.startswith("job_2:samples/"))
    path = moved / "campaign" / document["entity"][samples]["prov:location"]
    path.write_text("changed")
    done = run("yprov-inspect", "check", "moved/campaign/prov.json", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count(b"\n") == 1
    assert b"../job_2/record/" in done.stdout


def test_its_check_follows_tables_of_samples_to_each_jobs_files(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "yprov", tmp_path / "yprov")
    run("sh", "-c", "yprov-merge -q --no-report --detail node yprov/job*", cwd=tmp_path)
    done = run("yprov-merge", "--check", "yprov/campaign/prov.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    (samples,) = (tmp_path / "yprov/job_2/record").rglob("*.samples.csv")
    samples.unlink()
    done = run("yprov-merge", "--check", "yprov/campaign/prov.json", cwd=tmp_path)
    assert (done.returncode, done.stdout.count(b"\n")) == (1, 1)


def test_its_check_reads_nothing_outside_the_jobs_folder(folder: Path, tmp_path: Path) -> None:
    document = _together(folder)
    for name, entity in document["entity"].items():
        if name.startswith("job_2:samples/"):
            entity["prov:location"] = "../../secret.csv"
    (tmp_path / "secret.csv").write_text("secret")
    (tmp_path / "yprov/campaign").mkdir(parents=True)
    found = list(check_side_files(document, tmp_path / "yprov/campaign", lambda share: None))
    assert [one for one in found if "secret.csv' is outside" in one.words]


def test_of_many_records_what_is_below_steps_is_left_to_the_jobs_documents(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 10)
    document = campaign(_members(folder))
    assert check(document) == []
    assert document["activity"]["campaign"]["run:detail"] == "step"
    assert not [name for name in document["activity"] if ":node/" in name]
    assert [r for r in document["wasInformedBy"].values() if "run:sharedSha256" in r]
