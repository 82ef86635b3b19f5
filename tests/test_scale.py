"""Documents of many nodes: what stands in them, what in the tables, and that nothing is lost."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import REPOSITORY
from yprov_run.cli.fold import fold
from yprov_run.cli.inspections.check import check_file
from yprov_run.jobdir import JobDir


def synthesize(job_dir: Path, nodes: int, gpus: int, *more: str) -> JobDir:
    subprocess.run(
        [sys.executable, str(REPOSITORY / "benchmarks/synthesize.py"), str(job_dir),
         "--nodes", str(nodes), "--gpus-per-node", str(gpus), "--seconds", "4", *more],
        check=True, capture_output=True,
    )  # fmt: skip
    return JobDir(job_dir)


def _table(directory: JobDir, name: str) -> list[dict[str, str]]:
    with (directory.artifacts / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def _energy(records: list[documents.Document]) -> float:
    return sum(float(documents.plain(record)["run:energy"]) for record in records)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    return synthesize(tmp_path_factory.mktemp("many") / "many_1", 101, 5)


def test_beyond_a_hundred_nodes_only_the_main_figures_stand_in_the_document(many: JobDir) -> None:
    fold(many)
    document = documents.load(many.document)
    job = documents.job(document)
    assert (job["run:detail"], job["run:nodeCount"], job["run:gpuCount"]) == ("gpu", 101, 505)
    uses = [use for use in document["used"].values() if use["prov:role"] == "accelerator"]
    assert len(uses) == 505
    assert all("run:energy" in use and "run:driverVersion" not in use for use in uses)
    assert _energy(uses) == pytest.approx(job["run:energy"])
    assert len(_table(many, "devices")) == 505
    assert len(_table(many, "tasks")) == job["run:taskCount"]
    assert documents.of_type(document, "entity", "run:SampleFile") == {}


def test_what_the_document_leaves_out_of_each_node_stands_in_a_table(many: JobDir) -> None:
    fold(many)
    document = documents.load(many.document)
    nodes = documents.of_type(document, "activity", "run:NodeExecution")
    rows = {f"node/0/{row['node']}": row for row in _table(many, "nodes")}
    assert rows.keys() == nodes.keys()
    for identifier, record in nodes.items():
        node, row = documents.plain(record), rows[identifier]
        assert float(row["energy_j"]) == pytest.approx(node["run:energy"])
        assert float(row["energy_bound_j"]) == pytest.approx(node["run:energyBound"])
        assert float(row["max_memory_used"]) == node["run:maxNodeMemory"]
        assert (int(row["gpus"]), int(row["tasks"])) == (5, 8)
        assert row["saw_the_end"] == "yes"


def test_the_check_follows_a_table_of_samples_to_every_file(many: JobDir) -> None:
    fold(many)
    path = many.path / _table(many, "samples")[50]["path"]
    whole = path.read_bytes()
    try:
        path.write_bytes(whole.replace(b"1", b"2"))
        (found,) = check_file(many.document)
        assert path.name in str(found)
        assert "another checksum" in str(found)
        assert found.path == "/entity/table~1samples/prov:location"
    finally:
        path.write_bytes(whole)
    assert check_file(many.document) == []


def test_beyond_a_thousand_nodes_gpus_stand_in_a_table_and_samples_in_a_manifest(
    many: JobDir,
) -> None:
    fold(many, detail="node")
    document = documents.load(many.document)
    job = documents.job(document)
    assert job["run:detail"] == "node"
    assert documents.of_type(document, "entity", "run:GPU") == {}
    assert documents.of_type(document, "entity", "run:SampleFile") == {}
    nodes = documents.of_type(document, "activity", "run:NodeExecution")
    assert len(nodes) == 101
    assert _energy(list(nodes.values())) == pytest.approx(job["run:energy"])
    energies = [float(row["energy_j"]) for row in _table(many, "devices")]
    assert sum(energies) == pytest.approx(job["run:energy"])
    paths = [row["path"] for row in _table(many, "samples")]
    assert len(paths) == 101
    assert all((many.path / path).is_file() for path in paths)


def test_the_level_is_a_choice_and_a_small_job_says_everything(tmp_path: Path) -> None:
    few = synthesize(tmp_path / "few_1", 3, 2)
    fold(few)
    assert documents.job(documents.load(few.document))["run:detail"] == "full"
    size = few.document.stat().st_size
    fold(few, detail="node")
    assert documents.job(documents.load(few.document))["run:detail"] == "node"
    assert few.document.stat().st_size < size


def test_of_a_job_with_too_many_metric_files_the_first_node_has_them_all(many: JobDir) -> None:
    fold(many)
    metrics = sorted(path.name for path in many.metrics.iterdir())
    assert len([name for name in metrics if name.startswith("gpu_temperature")]) == 5
    assert all("node00000" in name for name in metrics)


def test_nodes_that_died_are_rebuilt_and_named(tmp_path: Path) -> None:
    directory = synthesize(tmp_path / "died_1", 10, 2, "--die", "2", "--die-seconds", "30")
    fold(directory)
    document = documents.load(directory.document)
    died = [gap for gap in documents.gaps(document) if "did not see the end" in gap]
    assert [gap.partition(": ")[0] for gap in died] == [
        "step 0, node node00000",
        "step 0, node node00005",
    ]
    rows = {row["node"]: float(row["energy_j"]) for row in _table(directory, "devices")}
    assert rows["node00005"] == pytest.approx(rows["node00004"] * 29 / 3, rel=0.01)
