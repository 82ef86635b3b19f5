"""Several jobs in one document: nothing lost, joined by the files that went from one to another."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from prov.model import ProvDocument

from tests.support.commands import run
from tests.support.records import Shape, write_record
from yprov_run.cli import fold
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir
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


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Return a folder with two jobs in `yprov` that are not merged yet."""
    for number in (1, 2):
        write_record(tmp_path / "yprov", Shape(nodes=1, gpus=0, seconds=2, number=number))
    return tmp_path


@pytest.mark.parametrize("bad", ["yprov/aa_0", "4711"])
def test_a_job_that_cannot_be_merged_is_named_and_the_others_are_together(
    bad: str, pair: Path
) -> None:
    (pair / "yprov/aa_0/record").mkdir(parents=True)
    done = run("yprov-merge", "--no-report", bad, "1", "2", cwd=pair)
    assert done.returncode == 2
    assert done.stderr.startswith(b"yprov-merge: ")
    assert done.stderr.count(b"\n") == 1
    assert done.stdout.count(b"-- yprov-run: ") == 2
    document = json.loads((pair / "yprov/campaign/prov.json").read_text())
    assert check(document) == []
    main = document["activity"]["campaign"]
    ((where, what),) = json.loads(main["run:gaps"])
    assert (where, main["run:jobCount"]["$"]) == (bad, "2")
    assert what.startswith("left out: ")


def test_two_folders_of_one_job_are_one_in_it_and_the_other_is_named(pair: Path) -> None:
    shutil.copytree(pair / "yprov/train_1", pair / "yprov/again/train_1")
    again = run("yprov-merge", "-q", "--no-report", "yprov/again/train_1", "1", "2", cwd=pair)
    assert again.returncode == 0, again.stderr
    main = json.loads((pair / "yprov/campaign/prov.json").read_text())["activity"]["campaign"]
    assert main["run:jobCount"]["$"] == "2"
    assert json.loads(main["run:gaps"]) == [
        ["../train_1", "left out: by its identifier it is the job of ../again/train_1"]
    ]


def test_two_jobs_whose_own_files_are_damaged_stay_two(folder: Path, tmp_path: Path) -> None:
    copies = [tmp_path / part / "train_4711" for part in ("p", "q")]
    for number, copy in enumerate(copies, start=1):
        shutil.copytree(folder / f"yprov/job_{number}", copy)
        (copy / "record/job.json").write_text('{\n "created_ms"')
    run("yprov-merge", "-q", "--no-report", *map(str, copies), cwd=tmp_path)
    document = json.loads((tmp_path / "campaign/prov.json").read_text())
    assert check(document) == []
    assert document["activity"]["campaign"]["run:jobCount"]["$"] == "2"


@pytest.mark.parametrize("text", ['{"mine":1}', "mine"])
def test_a_file_in_its_place_that_is_not_ours_is_not_replaced(text: str, pair: Path) -> None:
    own = pair / "yprov/campaign/prov.json"
    own.parent.mkdir()
    own.write_text(text)
    done = run("yprov-merge", "-q", "1", "2", cwd=pair)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"not replaced" in done.stderr
    assert own.read_text() == text


def test_where_it_cannot_be_written_is_said_what_to_do(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    run("yprov-merge", "-q", "1", "2", cwd=pair)
    monkeypatch.setattr(fold, "replace_file", refuse)  # root may write everywhere
    with pytest.raises(YprovError, match="Permission denied; copy the jobs' folders"):
        fold.fold_campaign([JobDir(pair / f"yprov/train_{number}") for number in (1, 2)])


def test_of_it_alone_there_is_nothing_to_merge(pair: Path) -> None:
    run("yprov-merge", "-q", "1", "2", cwd=pair)
    done = run("yprov-merge", "yprov/campaign", "yprov/campaign.html", cwd=pair)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"yprov/campaign: " in done.stderr


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
