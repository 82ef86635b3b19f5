"""Several jobs merged together: one page with a table, links, and pictures by tag."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.records import Shape, write_record
from tests.test_report import HOSTILE, Page
from yprov_run.report.campaign import campaign_page

SMALL = Shape(nodes=1, gpus=1, seconds=20)


def test_several_jobs_get_a_page_together(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        tags = {"lr": f"1e-{number}", "data": "same"}
        shape = replace(SMALL, number=number, seconds=20 * number, tags=tags)
        write_record(tmp_path / "yprov", shape)
    done = run("yprov-merge", "1", "2", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "campaign    " in done.stdout.decode()
    page = Page(tmp_path / "yprov/campaign.html")
    links = [str(attributes["href"]) for name, attributes in page.tags if name == "a"]
    assert links == [f"./train_{number}/report.html" for number in (1, 2, 3)]
    assert all((tmp_path / "yprov" / link).is_file() for link in links)
    assert sum(name == "circle" for name, _ in page.tags) == 6
    assert "By lr" in page.words
    assert "By data" not in page.words
    again = run("sh", "-c", "yprov-merge -q yprov/*", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, b"")


def test_one_job_or_none_wanted_is_no_campaign(tmp_path: Path) -> None:
    for number in (1, 2):
        write_record(tmp_path / "yprov", replace(SMALL, number=number))
    run("yprov-merge", "1", cwd=tmp_path)
    run("yprov-merge", "--no-report", "1", "2", cwd=tmp_path)
    assert not (tmp_path / "yprov/campaign.html").exists()


def test_a_job_that_is_named_twice_is_one(tmp_path: Path) -> None:
    write_record(tmp_path / "yprov", replace(SMALL, number=1))
    done = run("yprov-merge", "1", "yprov/train_1", cwd=tmp_path)
    assert done.stdout.decode().count("yprov-run: train 1 ") == 1
    assert [path.name for path in (tmp_path / "yprov").iterdir()] == ["train_1"]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_a_campaign_page_that_cannot_be_written_leaves_the_documents(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    for number in (1, 2):
        write_record(tmp_path / "yprov", replace(SMALL, number=number))
    make(tmp_path / "yprov/campaign.html")
    done = run("yprov-merge", "-q", "1", "2", cwd=tmp_path)
    assert done.returncode == 0
    assert b"no campaign page" in done.stderr
    assert (tmp_path / "yprov/train_2/prov.json").is_file()


def test_a_page_of_that_name_that_is_not_ours_is_left(tmp_path: Path) -> None:
    for number in (1, 2):
        write_record(tmp_path / "yprov", replace(SMALL, number=number))
    page = tmp_path / "yprov/campaign.html"
    page.write_text("<html>my own</html>")
    done = run("yprov-merge", "-q", "1", "2", cwd=tmp_path)
    assert done.returncode == 0
    assert b"campaign.html: not made by yprov-merge, so not replaced" in done.stderr
    assert page.read_text() == "<html>my own</html>"
    page.unlink()
    for _ in range(2):
        assert run("yprov-merge", "-q", "1", "2", cwd=tmp_path).stderr == b""
    assert "<table" in page.read_text()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_tags_and_figures_are_text(text: str, tmp_path: Path) -> None:
    rows = [
        {"name": text, "number": text, "state": text, "started": text, "time": 1.0, "energy": 2.0,
         f"tag.{text}": value, "nodeCount": text, "tag.nan": float("nan"), "tag.x": number}
        for number, value in enumerate((text, f"{text}2", "1e999", "nan"))
    ]  # fmt: skip
    path = tmp_path / "page.html"
    path.write_text(campaign_page(rows, text))
    page = Page(path)
    assert sum(name == "script" for name, _ in page.tags) == 2
    assert not {"img", "iframe"} & {name for name, _ in page.tags}
    assert not set("".join(page.words)) & set("\x1b\u202e")
