"""Our document by the rules of the family's programs, each rule as its program applies it."""

from __future__ import annotations

import csv
import json
import re
import warnings
from pathlib import Path

import pytest
from prov.model import ProvDocument

from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.provenance.records import local_part
from yprov_run.provenance.vocabulary import TERMS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    """Return where a job with two GPUs was run."""
    where = tmp_path_factory.mktemp("family")
    env = environment(LD_LIBRARY_PATH=str(fake_nvml))
    run("yprov-run", "--interval", "0.2", "-o", "out", "sh", "-c", "echo 1 >out; sleep 1",
        cwd=where, env=env)  # fmt: skip
    return where


@pytest.fixture
def document(folder: Path) -> documents.Document:
    return documents.load(only_job(folder) / "prov.json")


def test_it_loads_in_prov_without_a_warning_of_future_rejection(folder: Path) -> None:
    text = (only_job(folder) / "prov.json").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = ProvDocument.deserialize(content=text, format="json")
    for form in ("json", "provn"):
        assert document.serialize(format=form)


def test_cards_find_the_main_activity_the_command_and_the_temperatures(
    folder: Path, document: documents.Document
) -> None:
    mains = [
        key
        for key, activity in document["activity"].items()
        if "/" not in key and "yprov:experiment_name" in activity
    ]
    others = [key for key in document["activity"] if "/" not in key and key not in mains]
    assert (len(mains), others) == (1, [])
    assert document["entity"]["execution_command"]["prov:value"]
    metrics = list((only_job(folder) / "metrics_GR0").glob("gpu_temperature*.csv"))
    assert len(metrics) == 2
    assert (only_job(folder) / "artifacts_GR0").is_dir()


def test_getters_find_every_metric_by_type_context_source_and_path(
    folder: Path, document: documents.Document
) -> None:
    metrics = documents.of_type(document, "entity", "provml:Metric")
    assert len(metrics) == 2 + 2 * 4
    for metric in metrics.values():
        name = f"{metric['prov:label']}_{metric['yprov:context']}_{metric['yprov:source']}"
        assert name in metric["dcterms:identifier"]
        with (folder / metric["dcterms:identifier"]).open() as stream:
            rows = list(csv.DictReader(stream))
        assert list(rows[0]) == ["epoch", "value", "timestep"]
        assert [int(row["epoch"]) for row in rows] == list(range(len(rows)))
        assert all(len(row["timestep"]) == 13 for row in rows)
        assert all(float(row["value"]) >= 0 for row in rows)


def test_times_stand_in_both_spellings_in_utc(document: documents.Document) -> None:
    for activity in document["activity"].values():
        for one, other in (("startTime", "startedAtTime"), ("endTime", "endedAtTime")):
            assert activity[f"prov:{one}"] == activity[f"prov:{other}"]
            assert activity[f"prov:{one}"].endswith("+00:00")


def test_only_numbers_of_our_own_terms_are_typed(document: documents.Document) -> None:
    for kind, records in document.items():
        if kind == "prefix":
            continue
        for record in records.values():
            for name, value in record.items():
                if not isinstance(value, str):
                    assert name.startswith("run:")
                    assert isinstance(value, float) or set(value) == {"$", "type"}


def test_the_directory_ends_in_an_integer_as_the_family_reads_it(folder: Path) -> None:
    assert int(only_job(folder).name.rpartition("_")[2]) == 1


def test_every_term_of_ours_is_defined_and_in_the_documentation(
    document: documents.Document,
) -> None:
    used = set(re.findall(r'"run:(\w+)"', json.dumps(document)))
    assert used <= set(TERMS)
    page = Path(__file__).parents[1] / "docs/terms.md"
    text = page.read_text()
    for term in TERMS.values():
        row = f'| <a id="{term.name}"></a>`{term.name}` | {term.datatype or "class"} '
        assert row in text, f"{term.name}: run python docs/make_terms.py"


@pytest.mark.parametrize("text", ["a b", "ü", "", "a/b", "x" * 200, "a:b", "a_b "])
def test_a_local_part_is_clean_and_its_own(text: str) -> None:
    part = local_part(text)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", part)
    assert part != local_part(text + "!")
