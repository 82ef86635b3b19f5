"""What a job was worth: work that its program names, and what the site has configured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.capture.merit import read_merit

LOG = "epoch 1: 1,000 samples\nepoch 2: 2,500 samples\nbye\n"


@pytest.mark.parametrize(
    ("content", "merit", "value"),
    [
        (LOG, r"n=f:(\S+) samples", 2500),
        ("1234\n", "n=f", 1234),
        ('{"n": 7, "m": 8}', "n=f", 7),
        ("12.5", "n=f", 12.5),
        ("did 1,234,567.5 of it", "n=f:did (\\S+)", 1_234_567.5),
    ],
)
def test_work_is_read_from_what_the_program_writes(
    content: str, merit: str, value: float, tmp_path: Path
) -> None:
    (tmp_path / "f").write_text(content)
    assert read_merit(merit, tmp_path, 0).value == value


@pytest.mark.parametrize(
    ("content", "merit", "words"),
    [
        (LOG, "n=f:([0-9]+) steps", "nothing in it is like the pattern"),
        (LOG, "n=f:(b)ye", "could not convert"),
        ("-3", "n=f", "no amount"),
        ("read 0,5 GB", "n=f:read (\\S+)", "between thousands only"),
        ("read 1.234,5 GB", "n=f:read (\\S+)", "between thousands only"),
        ("NaN", "n=f", "no amount"),
        ("true", "n=f", "has no number"),
        ("[" * 100_000, "n=f", "neither a number"),
        (None, "n=f", "No such file"),
    ],
)
def test_what_is_no_amount_of_work_is_said_to_be_none(
    content: str | None, merit: str, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "f").write_text(content)
    found = read_merit(merit, tmp_path, 0)
    assert found.value is None
    assert words in found.problem


def test_a_file_of_an_earlier_run_is_not_this_ones(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("5")
    found = read_merit("n=f", tmp_path, (tmp_path / "f").stat().st_mtime + 60)
    assert (found.value, found.problem) == (None, "f: was not written by this step")


def test_energy_per_unit_emissions_and_cost_have_their_sources(
    fake_nvml: Path, tmp_path: Path
) -> None:
    (tmp_path / "yprov.yaml").write_text(
        "tariff:\n  g_co2e_per_kwh: 300\n  price_per_kwh: 0.5\n  currency: EUR\n  pue: 1.2\n"
        "  source: the site\n  date: 2026-10-01\n"
    )
    env = environment(LD_LIBRARY_PATH=str(fake_nvml))
    done = run(
        "yprov-run", "--figure-of-merit", r"samples=log:(\d+) samples",
        "sh", "-c", "sleep 1; echo 500 samples >log; echo out",
        cwd=tmp_path, env=env,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"out\n")
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    energy_j = job["run:measuredEnergy"]
    assert json.loads(job["run:figureOfMerit"]) == [["samples", 500, r"log:(\d+) samples"]]
    ((name, per_unit_j),) = json.loads(job["run:energyPerUnit"])
    assert name == "samples"
    assert per_unit_j == pytest.approx(energy_j / 500)
    assert job["run:emissions"] == pytest.approx(energy_j * 1.2 / 3.6e6 * 0.3)
    assert job["run:cost"] == pytest.approx(energy_j * 1.2 / 3.6e6 * 0.5)
    assert job["run:currency"] == "EUR"
    assert re.search(r"work +500 samples, [\d.]+ m?J for each\n", done.stderr.decode())
    assert re.search(
        r"footprint +[\d.e-]+ kg CO2e, [\d.e-]+ EUR \(the site, ", done.stderr.decode()
    )
    assert job["run:tariffSource"] == "the site, 2026-10-01; energy of gpu, times a PUE of 1.2"


def test_nothing_is_guessed_where_nothing_is_configured(fake_nvml: Path, tmp_path: Path) -> None:
    run("yprov-run", "-q", "true", cwd=tmp_path, env=environment(LD_LIBRARY_PATH=str(fake_nvml)))
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    assert {"run:emissions", "run:cost", "run:energyPerUnit", "run:figureOfMerit"} & set(
        job
    ) == set()


def test_a_figure_that_was_not_written_is_a_named_gap(tmp_path: Path) -> None:
    done = run("yprov-run", "--figure-of-merit", "n=nothing.txt", "true", cwd=tmp_path)
    assert done.returncode == 0
    gaps = documents.gaps(documents.load(only_job(tmp_path) / "prov.json"))
    assert "step 0: figure of merit n: nothing.txt: No such file or directory" in gaps


@pytest.mark.parametrize(
    ("merit", "words"),
    [
        ("samples", "give it as NAME=FILE"),
        ("samples=", "give it as NAME=FILE"),
        ("n=f:[", "the pattern is wrong"),
        ("n=f:x", "in parentheses"),
    ],
)
def test_a_figure_that_cannot_be_read_ends_us_before_anything_is_launched(
    merit: str, words: str, tmp_path: Path
) -> None:
    done = run("yprov-run", "--figure-of-merit", merit, "touch", "launched", cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "launched").exists()


def test_the_jobs_own_use_and_the_agents_cost_are_told_per_node(tmp_path: Path) -> None:
    work = "import time; x = bytearray(200 << 20); time.sleep(2)"
    run("yprov-run", "-q", "--interval", "0.1", "python", "-c", work, cwd=tmp_path)
    document = documents.load(only_job(tmp_path) / "prov.json")
    (node,) = documents.of_type(document, "activity", "run:NodeExecution").values()
    node = documents.plain(node)
    assert "processes" in node["run:jobUseSource"] or "cgroup" in node["run:jobUseSource"]
    assert node["run:jobMaxMemory"] > 200 << 20
    assert node["run:agentWritten"] > 300
    assert (node["run:skippedSamples"] >= 0, node["run:lostSamples"]) == (True, 0)
