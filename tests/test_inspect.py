"""yprov-inspect list, show, diff and rerun, as a person runs them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import need
from tests.support.commands import environment, run
from tests.support.records import STARTED_MS, Shape, idle_last, write_record
from yprov_run.cli.fold import fold
from yprov_run.errors import YprovError
from yprov_run.report.listing import ordered
from yprov_run.report.patches import by_file
from yprov_run.report.where import where

SMALL = Shape(nodes=2, gpus=2, seconds=90, argv=("srun", "-N", "2", "train", "--lr", "3e-4"))
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a `yprov` of four jobs: good, idle, killed, and one without a merge."""
    folder = tmp_path_factory.mktemp("jobs")
    shapes = [
        replace(SMALL, number=1, tags={"run": "base", "lr": "3e-4"}),
        replace(SMALL, number=2, load=idle_last, gpus=4, started_ms=STARTED_MS + HOUR_MS),
        replace(SMALL, number=3, exit_status=None, signal=9, user="bob",
                started_ms=STARTED_MS + 2 * HOUR_MS),
        replace(SMALL, number=4, name="raw", started_ms=STARTED_MS + 3 * HOUR_MS),
    ]  # fmt: skip
    for shape in shapes:
        directory = write_record(folder / "yprov", shape)
        if shape.name != "raw":
            fold(directory, with_report=False)
    return folder


def inspect(folder: Path, *words: str, width: int = 80) -> tuple[int, str, str]:
    """Return a subcommand's exit status and what it printed."""
    done = run("yprov-inspect", *words, cwd=folder, env=environment(COLUMNS=str(width)))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def without_rights() -> tuple[str, ...]:
    """Return what before a command makes files' permissions hold for root too."""
    if os.geteuid() != 0:
        return ()
    need([name for name in ("setpriv",) if shutil.which(name) is None], "what root may not read")
    rights = "-dac_override,-dac_read_search"
    return "setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}"


def _json(folder: Path, *words: str) -> Any:
    status, text, error = inspect(folder, *words)
    assert status == 0, error
    return json.loads(text)


def listed(folder: Path, *words: str) -> list[str]:
    return [row["directory"] for row in _json(folder, "list", *words, "--json")]


def test_list_names_every_job_merged_or_not_oldest_first(jobs: Path) -> None:
    assert listed(jobs) == ["train_1", "train_2", "train_3", "raw_4"]
    _, text, _ = inspect(jobs, "list")
    heading, *lines = text.splitlines()
    assert heading.split()[:3] == ["job", "state", "started"]
    assert lines[0].split()[:2] == ["train_1", "completed"]
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tag", "run=base"], ["train_1"]),
        (["--tag", "lr"], ["train_1"]),
        (["--state", "killed"], ["train_3"]),
        (["--user", "bob"], ["train_3"]),
        (["--since", "2026-11-21 06:30"], ["raw_4"]),
        (["--since", "1000w", "--where", "gpuCount>4"], ["train_2"]),
        (["--where", "gpuCount=4", "--where", "signal!=SIGKILL"], ["train_1", "raw_4"]),
        (["--where", "command~TRAIN", "--state", "killed"], ["train_3"]),
        (["--where", "meanUtilisation<70%"], ["train_2"]),
        (["--where", "time>1h"], []),
        (["--where", "time>60m"], []),
        (["--where", "time>=1.5 min", "--where", "state == killed"], ["train_3"]),
        (["--where", "time<1:31 min", "--where", "time>0:00:10 h", "--user", "bob"], ["train_3"]),
        (["--where", "energy<200kJ", "--where", "energy>0.05kWh"], []),
        (["--where", "maxMemory>100GiB"], []),
        (["--where", "maxMemory>=10 GiB", "--where", "name == raw"], ["raw_4"]),
        (["--where", "meanPower>0.3kW", "--user", "bob"], ["train_3"]),
        (["--where", "tag.lr<1e-3"], ["train_1"]),
        (["--where", "tag.lr=0.0003", "--where", "number<10"], ["train_1"]),
        (["--where", "number>=3", "--sort", "-number"], ["raw_4", "train_3"]),
        (["--sort", "-started"], ["raw_4", "train_3", "train_2", "train_1"]),
        (["--sort", "-energy", "--where", "state=completed"], ["train_2", "raw_4", "train_1"]),
    ],
)
def test_list_filters_and_sorts(words: list[str], expected: list[str], jobs: Path) -> None:
    assert listed(jobs, *words) == expected


def test_tags_are_compared_as_they_are(tmp_path: Path) -> None:
    tags = ({"ver": "1.1", "run": ""}, {"ver": "1.10", "a<b": "1"}, {"run": "x", "size": "10 MB"})
    for number, each in enumerate(tags, start=1):
        fold(write_record(tmp_path / "yprov", replace(SMALL, number=number, tags=each)), False)
    assert listed(tmp_path, "--tag", "ver=1.1") == ["train_1"]
    assert listed(tmp_path, "--tag", "run=") == ["train_1"]
    assert listed(tmp_path, "--tag", "a<b=1") == ["train_2"]
    assert listed(tmp_path, "--where", "tag.size>5M") == ["train_3"]
    assert listed(tmp_path, "--where", "tag.run<5") == []


def test_list_looks_where_the_settings_say_jobs_are(jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text(f"dir: {jobs}/yprov\n")
    assert len(listed(tmp_path)) == 4
    assert inspect(tmp_path, "show", "1")[0] == 0
    (tmp_path / "named").mkdir()
    assert listed(tmp_path, "named") == []
    env = environment(YPROV_DIR=str(tmp_path / "named"))
    done = run("yprov-inspect", "list", "--json", cwd=tmp_path, env=env)
    assert json.loads(done.stdout) == []


def test_numbers_in_tags_are_put_in_order_as_numbers() -> None:
    rows = [{"tag.lr": text} for text in ("10", "9", "1e-3", "", "0.5")]
    assert [row["tag.lr"] for row in ordered(rows, "tag.lr")] == ["1e-3", "0.5", "9", "10", ""]
    (first, *_) = ordered([*rows, {"tag.lr": "x"}], "-tag.lr")
    assert first == {"tag.lr": "x"}


def test_list_as_csv_is_a_table_of_every_field(jobs: Path) -> None:
    _, text, _ = inspect(jobs, "list", "--csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["tag.run"] == "base"
    assert float(rows[1]["energy"]) > 0


def test_the_index_may_be_deleted_damaged_or_impossible_and_is_never_believed_blindly(
    jobs: Path, tmp_path: Path
) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    first = listed(tmp_path)
    index = tmp_path / "yprov/.yprov-index.json"
    assert set(json.loads(index.read_text())["jobs"]) == {"train_1", "train_2", "train_3"}
    document = tmp_path / "yprov/train_1/prov.json"
    document.write_text(document.read_text().replace('"completed"', '"failed"'))
    assert listed(tmp_path, "--state", "failed") == ["train_1"]
    shutil.rmtree(tmp_path / "yprov/train_2")
    assert listed(tmp_path) == ["train_1", "train_3", "raw_4"]
    for content in (b"", b"{", b"[1]", b'{"version": 1, "jobs": 3}', b"\xff"):
        index.write_bytes(content)
        assert listed(tmp_path) == ["train_1", "train_3", "raw_4"]
    index.unlink()
    index.mkdir()
    assert listed(tmp_path) == ["train_1", "train_3", "raw_4"]
    assert first[0] == "train_1"


def test_what_one_may_not_read_is_not_in_the_index_for_those_who_may(
    jobs: Path, tmp_path: Path
) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    document, index = tmp_path / "yprov/train_1/prov.json", tmp_path / "yprov/.yprov-index.json"
    document.chmod(0)
    done = run(*without_rights(), "yprov-inspect", "list", "--json", cwd=tmp_path)
    (said,) = [row for row in json.loads(done.stdout) if row["directory"] == "train_1"]
    assert said["state"] == "unreadable"
    kept = json.loads(index.read_text())
    assert set(kept["jobs"]) == {"train_2", "train_3"}
    document.chmod(0o644)
    assert listed(tmp_path, "--state", "unreadable") == []
    kept = json.loads(index.read_text())
    kept["jobs"]["train_1"]["row"] = {"state": "unreadable"}  # as it once was kept
    index.write_text(json.dumps(kept))
    assert listed(tmp_path, "--state", "unreadable") == []


def test_an_index_that_is_true_is_not_written_again(jobs: Path, tmp_path: Path) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    shutil.copytree(jobs / "yprov/train_1", tmp_path / "yprov/damaged_9")
    (tmp_path / "yprov/damaged_9/prov.json").write_text("{")
    assert len(listed(tmp_path)) == 5
    first = (tmp_path / "yprov/.yprov-index.json").stat()
    assert len(listed(tmp_path)) == 5
    assert (tmp_path / "yprov/.yprov-index.json").stat().st_ino == first.st_ino


def test_the_index_is_for_nobody_who_may_not_read_every_document_in_it(
    jobs: Path, tmp_path: Path
) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    index, document = tmp_path / "yprov/.yprov-index.json", tmp_path / "yprov/train_2/prov.json"
    for mode in (0o644, 0o640, 0o600):
        document.chmod(mode)
        assert len(listed(tmp_path)) == 4
        assert index.stat().st_mode & 0o777 == mode
    index.unlink()
    assert len(listed(tmp_path)) == 4
    assert index.stat().st_mode & 0o777 == 0o600


def test_an_unreadable_document_is_a_row_that_says_so(jobs: Path, tmp_path: Path) -> None:
    shutil.copytree(jobs / "yprov/train_1", tmp_path / "yprov/train_1")
    (tmp_path / "yprov/train_1/prov.json").write_text("{")
    status, text, _ = inspect(tmp_path, "list")
    assert status == 0
    assert text.splitlines()[1].split() == ["train_1", "unreadable"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "nowhere"], "nowhere: No such file or directory"),
        (["list", "--where", "energy"], "--where 'energy': give it as FIELD=VALUE"),
        (
            ["list", "--where", "energy>"],
            "--where 'energy>': energy is a number; give one, such as",
        ),
        (["list", "--where", "time>long"], "time is a number; give one, such as 90 s"),
        (["list", "--where", "energy>2h"], "--where 'energy>2h': energy is in J; 2h is something"),
        (["list", "--where", "gpuCount>2h"], "gpuCount has no unit"),
        (["list", "--json", "--csv"], "give one of --json and --csv"),
        (["export", "1", "--graph", "--quantity", "gpu_power"], "--quantity is for --plot"),
        (["list", "--since", "soon"], "--since 'soon': give a date"),
        (["show", "99"], "no job 99 in yprov"),
        (["diff", "1", "nothing"], "nothing: no such document"),
        (["check", "nofile.json"], "nofile.json: no such document"),
        (["check", "yprov"], "yprov: not a job directory (no prov.json, no record/ in it)"),
        (["rerun", "1", "--step", "7"], "--step 7: the job has the steps 0 to 0"),
    ],
)
def test_what_cannot_be_is_one_clear_line(words: list[str], message: str, jobs: Path) -> None:
    status, text, error = inspect(jobs, *words)
    assert status == 2
    assert text == ""
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("program", ["show", "check", "export --graph", "diff 1", "merge"])
def test_a_job_that_one_may_not_look_at_is_one_clear_line(
    program: str, jobs: Path, tmp_path: Path
) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    words = ["yprov-merge"] if program == "merge" else ["yprov-inspect", *program.split()]
    (tmp_path / "yprov/train_2").chmod(0)
    long = "x" * 300
    for reference, place, what in (
        ("yprov/train_2", "yprov/train_2/", "Permission denied; ask its owner"),
        ("yprov/train_2/prov.json", "yprov/train_2/prov.json", "Permission denied; ask its owner"),
        ("2", "yprov/train_2/record", "Permission denied; ask its owner"),
        (long, long, "File name too long; give a job directory or a job id"),
    ):
        done = run(*without_rights(), *words, reference, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, b"")
        said = done.stderr.decode()
        assert said.count("\n") == 1
        assert place in said
        assert what in said
    (tmp_path / "yprov/train_2").chmod(0o755)


def test_a_folder_of_jobs_that_one_may_not_look_at_is_one_clear_line(
    jobs: Path, tmp_path: Path
) -> None:
    shutil.copytree(jobs / "yprov", tmp_path / "yprov")
    for mode in (0, 0o111):
        (tmp_path / "yprov").chmod(mode)
        done = run(*without_rights(), "yprov-inspect", "show", "1", cwd=tmp_path)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
        assert b"Permission denied; " in done.stderr
    done = run(*without_rights(), "yprov-inspect", "show", "yprov/train_1", cwd=tmp_path)
    assert b"completed" in done.stdout  # one may enter the folder, and knows the job's name


@given(st.text(alphabet="dif -gtab/+@\n"))
def test_any_text_reads_as_a_patch_of_some_files_or_of_none(text: str) -> None:
    for part in by_file(text):
        assert part.text in text


@given(st.text(min_size=1))
def test_any_condition_is_a_test_or_an_error_of_ours(expression: str) -> None:
    try:
        test = where(expression)
    except YprovError:
        return
    for row in ({}, {"a": 1}, {"a": "x", "energy": 2.5, "b": None, "c": True}):
        assert test(row) in (True, False)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--nodes", ["node0000", "100%"]),
        ("--gpus", ["node0001", "0000:01:00.0"]),
        ("--timeline", ["step 0", "ends, completed"]),
    ],
)
def test_show_gives_a_part_as_a_table_that_fits(option: str, words: list[str], jobs: Path) -> None:
    status, text, _ = inspect(jobs, "show", "1", option)
    assert status == 0
    assert all(word in text for word in words)
    assert all(len(line) <= 80 for line in text.splitlines())
    _, as_json, _ = inspect(jobs, "show", "1", option, "--json")
    assert len(json.loads(as_json)) == len(text.splitlines()) - 1


def test_show_without_a_part_is_the_summary(jobs: Path) -> None:
    _, text, _ = inspect(jobs, "show", "2")
    assert "advice      2 of 8 GPUs stood idle" in text


def test_show_as_json_is_one_value_however_many_parts_are_asked_for(jobs: Path) -> None:
    (row,) = (row for row in _json(jobs, "list", "--json") if row["number"] == "2")
    assert _json(jobs, "show", "2", "--json") == row
    nodes, gpus = (_json(jobs, "show", "2", f"--{part}", "--json") for part in ("nodes", "gpus"))
    both = _json(jobs, "show", "2", "--gpus", "--nodes", "--modules", "--json")
    assert both == {"nodes": nodes, "gpus": gpus, "modules": []}
    assert (len(nodes), len(gpus)) == (2, 8)
    assert _json(jobs, "show", "4", "--json")["name"] == "raw"  # no document is there yet


def test_show_reads_a_document_that_is_all_that_is_left(jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    shutil.copy(jobs / "yprov/train_1/prov.json", tmp_path / "left/prov.json")
    assert inspect(tmp_path, "show", "left", "--nodes")[1].count("\n") == 3
    assert "completed" in inspect(tmp_path, "show", "left")[1]


def test_a_job_or_campaign_without_a_record_is_still_read(jobs: Path, tmp_path: Path) -> None:
    for name in ("train_1", "campaign"):
        (tmp_path / "yprov" / name).mkdir(parents=True)
        shutil.copy(jobs / "yprov/train_1/prov.json", tmp_path / "yprov" / name)
    for job in ("yprov/train_1", "1", "yprov/campaign"):
        assert inspect(tmp_path, "export", job, "--format", "provn")[1].startswith("document")
        assert "completed" in inspect(tmp_path, "show", job)[1]
        status, text, error = inspect(tmp_path, "check", job)
        assert status == 1
        assert "samples.csv': No such file or directory" in text
        assert error.endswith("in the files beside it)\n")
        assert "PROV" not in error
    status, _, error = inspect(tmp_path, "export", "1", "--plot")
    assert (status, "there is no record/ here" in error) == (2, True)
    assert "no job 1 in yprov" in run("yprov-merge", "1", cwd=tmp_path).stderr.decode()


@pytest.mark.parametrize(
    "words", ["list", "list --csv", "show 1 --files", "show 1", "diff 1 2", "rerun 1"]
)
def test_what_an_encoding_lacks_is_replaced(words: str, tmp_path: Path) -> None:
    for number in (1, 2):
        shape = replace(
            SMALL, number=number, name="tr\u00e9n", argv=("echo", "\u6f22" * number),
            files=[{"path": "/d/\u6f22", "role": "input", "size_bytes": 1, "sha256": "a" * 64}],
        )  # fmt: skip
        fold(write_record(tmp_path / "yprov", shape), with_report=False)
    ascii_only = environment(
        PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    done = run("yprov-inspect", *words.split(), cwd=tmp_path, env=ascii_only)
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr
    if words.startswith("rerun"):  # a script has to be what it is
        assert "\u6f22".encode() in done.stdout
    else:
        assert b"?" in done.stdout


def test_equal_jobs_differ_in_nothing_that_matters(jobs: Path) -> None:
    status, text, _ = inspect(jobs, "diff", "1", "3")
    assert status == 0
    assert "the same in all that matters" in text
    assert "killed" in text


def test_a_diff_tells_what_changed_most_telling_first(tmp_path: Path) -> None:
    data = {"path": "data.h5", "role": "input", "size_bytes": 3, "sha256": "a" * 64}
    gone = {"path": "gone.h5", "role": "input", "size_bytes": 3, "sha256": "c" * 64}
    first = replace(SMALL, number=1, files=[data, gone], variables={"OMP_NUM_THREADS": "4"})
    second = replace(
        SMALL,
        number=2,
        gpus=4,
        argv=("srun", "-N", "2", "train", "--lr", "1e-3"),
        files=[{**data, "sha256": "b" * 64}, {**gone, "path": "moved.h5"}],
        variables={"OMP_NUM_THREADS": "8", "SLURM_JOB_ID": "9"},
    )
    for shape in (first, second):
        fold(write_record(tmp_path / "yprov", shape), with_report=False)
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert status == 1
    places = [
        text.index(words)
        for words in (
            "step 0: 3e-4 -> 1e-3",
            "OMP_NUM_THREADS: 4 -> 8",
            "data.h5: sha256 aaa",
            "GPUs NVIDIA H100 80GB HBM3: 4 -> 8",
            "equal:",
            "GPU energy",
        )
    ]
    assert places == sorted(places)
    assert "moved.h5" not in text
    assert "SLURM_JOB_ID" not in text
    assert "SLURM_JOB_ID" in inspect(tmp_path, "diff", "1", "2", "--all")[1]
    found = json.loads(inspect(tmp_path, "diff", "1", "2", "--json")[1])
    assert found["differs"] is True
    assert found["equal"]["inputs"] == 2


WHAT_IS_CAPTURED = "code, environment, modules, packages, container, inputs, batch script"


def test_a_diff_of_jobs_that_were_not_captured_says_what_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text("true\n")
    for words in ((), ("--no-capture",), ("--no-capture",)):
        done = run("yprov-run", "-q", "--no-report", *words, "sh", "train.sh", cwd=tmp_path)
        assert done.returncode == 0
    status, text, _ = inspect(tmp_path, "diff", "2", "3")
    assert status == 1
    assert text.startswith(f"cannot be told: {WHAT_IS_CAPTURED} (not captured of A and B)\n")
    assert "the same" not in text
    # What only the captured one is known to have is not said to have gone.
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert status == 1
    assert text.startswith(f"cannot be told: {WHAT_IS_CAPTURED} (not captured of B)\n")
    found = json.loads(inspect(tmp_path, "diff", "1", "2", "--json")[1])
    assert found["differs"] is False
    assert {"section": "code", "first": False, "second": True} in found["untold"]


_UNTIL_SEEN = """
import os, pathlib, time
nodes = pathlib.Path(os.environ["YPROV_JOB_DIR"], "record/steps/0/nodes")
while not any('"program"' in path.read_text() for path in nodes.glob("*.events.jsonl")):
    time.sleep(0.05)
"""


def test_that_nobody_saw_the_programs_of_a_short_job_is_no_difference(tmp_path: Path) -> None:
    for _ in range(2):
        run("yprov-run", "-q", sys.executable, "-c", _UNTIL_SEEN, cwd=tmp_path)
    assert inspect(tmp_path, "diff", "1", "2")[0] == 0
    (record,) = (tmp_path / "yprov").glob("*_1/record/steps/0/captured/binaries.json")
    seen = json.loads(record.read_text())
    record.write_text(json.dumps(seen | {"data": {}}))
    assert run("yprov-merge", "-q", "1", cwd=tmp_path).returncode == 0
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert (status, text.splitlines()[0]) == (1, "cannot be told: packages (not captured of A)")
    assert "libc" not in text


def test_a_job_not_merged_yet_is_compared_by_what_is_in_its_record(tmp_path: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    _git(tmp_path, "init", "-q")
    (tmp_path / "train.sh").write_text("true\n")
    for words in ((), ("--no-merge",)):
        command = (sys.executable, "-c", _UNTIL_SEEN)
        assert run("yprov-run", "-q", *words, *command, cwd=tmp_path).returncode == 0
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert (status, text.splitlines()[0]) == (0, "the same in all that matters for doing it again")
    assert inspect(tmp_path, "show", "2", "--packages") == inspect(
        tmp_path, "show", "1", "--packages"
    )
    # Without the tables of one, the checksums of both tell.
    (job,) = (tmp_path / "yprov").glob("*_1")
    shutil.rmtree(job / "artifacts_GR0")
    shutil.rmtree(job / "record")
    assert inspect(tmp_path, "diff", str(job), "2")[0] == 0


def test_a_diff_shows_the_part_of_long_texts_that_differs(tmp_path: Path) -> None:
    long = "/a/long/folder" * 40
    for number, (path, word) in enumerate((("/opt/a", ""), ("/opt/b", "x")), start=1):
        file = {
            "path": f"{long}/data",
            "role": "input",
            "size_bytes": 1,
            "sha256": f"{number}" * 64,
        }
        shape = replace(
            SMALL, number=number, files=[file], argv=("train", *[""] * (number - 1), "--lr"),
            variables={"A_PATH": f"{long}:{path}", "EMPTY": word},
        )  # fmt: skip
        fold(write_record(tmp_path / "yprov", shape), with_report=False)
    _, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert ":/opt/a -> " in text
    assert ":/opt/b\n" in text
    assert "folder/data: sha256 111111111111 -> sha256 222222222222\n" in text
    assert "  EMPTY: (empty) -> x\n" in text
    assert "  + step 0: (empty)\n" in text


def test_facts_that_several_steps_share_are_compared_once(tmp_path: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    _git(tmp_path, "init", "-q")
    (tmp_path / "train.sh").write_text("echo $1 >> run.log\n")
    _git(tmp_path, "add", "train.sh")
    _git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "train.sh").write_text("echo $1 $1 >> run.log\n")
    assert run("yprov-run", "-q", "sh", "train.sh", "one", cwd=tmp_path).returncode == 0
    script = "yprov-run -q sh train.sh one; yprov-run -q sh train.sh two"
    env = environment(SLURM_JOB_ID="77", SLURM_CLUSTER_NAME="x")
    assert run("sh", "-c", script, cwd=tmp_path, env=env).returncode == 0
    _, text, _ = inspect(tmp_path, "diff", "1", "77")
    assert "+ step 1: " in text
    assert "code\n" not in text


def test_rerun_prints_a_script_that_a_shell_reads_back(tmp_path: Path) -> None:
    argv = ("echo", "a b", "it's", "\x1b[31mred", "line\nline", "\u202eabc")
    folder = tmp_path / "work"
    folder.mkdir()
    run("yprov-run", "-q", *argv, cwd=folder)
    status, script, _ = inspect(folder, "rerun", "1")
    assert status == 0
    assert not set(script) & set("\x1b\u202e")
    said = subprocess.run(
        ["bash", "-c", script.replace("yprov-run ", "printf '%s\\0' ", 1)],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert said.stdout.decode().split("\0")[:-1] == list(argv)


def test_rerun_warns_of_inputs_that_changed_and_runs_it_when_told(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one")
    run("yprov-run", "-q", "--input", "in.txt", "sh", "-c", "cat in.txt", cwd=tmp_path)
    assert inspect(tmp_path, "rerun", "1")[2] == ""
    (tmp_path / "in.txt").write_text("two")
    status, text, error = inspect(tmp_path, "rerun", "1", "--execute")
    assert status == 0
    assert text.endswith("two")
    assert "input in.txt is not what it was: its checksum differs" in error
    (tmp_path / "in.txt").unlink()
    assert inspect(tmp_path, "rerun", "1", "--execute")[0] == 1


def test_rerun_finds_an_input_whose_name_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff.csv")
    path.write_text("one")
    run("yprov-run", "-q", "--input", path.name, "true", cwd=tmp_path)
    assert inspect(tmp_path, "rerun", "1")[2] == ""
    path.write_text("two")
    assert "is not what it was: its checksum differs" in inspect(tmp_path, "rerun", "1")[2]


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@site")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_diff_tells_of_outputs_that_came_out_otherwise(tmp_path: Path) -> None:
    for number, words in ((1, "one"), (2, "two")):
        script = f"echo {words} >model.json; echo same >log.txt; echo {number} >only.{number}"
        done = run("yprov-run", "-q", "-o", "model.json", "sh", "-c", script, cwd=tmp_path)
        assert done.returncode == 0
    done = run("yprov-inspect", "diff", "1", "2", "--json", cwd=tmp_path)
    results = {
        row["name"]: (row["first"], row["second"]) for row in json.loads(done.stdout)["results"]
    }
    assert len(set(results["output model.json"])) == 2
    assert "output log.txt" not in results
    assert results["outputs that are equal"] == ("1", "1")
    assert results["outputs of one job alone"] == ("1", "1")


def test_rerun_names_what_differs_in_code_packages_and_folders_today(tmp_path: Path) -> None:
    """A repository with a virtual environment's layout, made by hand, and a folder of inputs."""
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    folder = tmp_path / "work"
    site = folder / "env/lib/python3.11/site-packages"
    for name, version in (("torch", "2.1"), ("gone", "1.0")):
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (folder / "env/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    (folder / "env/bin").mkdir()
    (folder / "env/bin/python").symlink_to(sys.executable)
    (folder / "data").mkdir()
    for number in range(120):
        (folder / f"data/{number}.txt").write_text(str(number))
    (folder / "train.py").write_text("print('trained')\n")
    (folder / "model.py").write_text("SIZE = 1\n")
    (folder / ".gitignore").write_text("env\n")
    _git(folder, "init", "-q")
    _git(folder, "add", "train.py", "model.py", ".gitignore")
    _git(folder, "commit", "-q", "-m", "one")
    (folder / "model.py").write_text("SIZE = 2\n")
    command = ("yprov-run", "-q", "--input", "data", "env/bin/python", "train.py")
    assert run(*command, cwd=folder).returncode == 0
    assert inspect(folder, "rerun", "1")[2] == ""

    (folder / "metrics.csv").write_text("a result\n")
    (folder / "model.py").write_text("SIZE = 3\n")
    (folder / "new.py").write_text("")
    (folder / "data/7.txt").write_text("8")
    shutil.rmtree(site / "gone-1.0.dist-info")
    (site / "torch-2.1.dist-info").rename(site / "torch-2.2.dist-info")
    (site / "torch-2.2.dist-info/METADATA").write_text("Name: torch\nVersion: 2.2\n")
    (folder / "env/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.9\n")
    said = inspect(folder, "rerun", "1")[2]
    assert [line.partition(": ")[2] for line in said.splitlines()] == [
        "code: model.py has other changes than it had",
        "code: new.py has changes that it had not",
        "input data is not what it was: its checksum differs",
        "python: 3.11.9, not 3.11.2",
        "package gone: not installed, 1.0 then",
        "package torch: 2.2, not 2.1",
    ]

    (folder / "new.py").unlink()
    _git(folder, "commit", "-qam", "two")
    shutil.rmtree(folder / "env")
    said = inspect(folder, "rerun", "1")[2]
    assert "is at commit " in said
    assert "code: model.py had changes that it has no more" in said
    assert "env/bin/python is not what the command comes to today" in said
    shutil.rmtree(folder / ".git")
    assert f"code: {folder} is no repository today" in inspect(folder, "rerun", "1")[2]


def test_two_runs_of_the_same_uncommitted_code_are_the_same(tmp_path: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    _git(tmp_path, "init", "-q")
    (tmp_path / "train.sh").write_text("wc -c < train.sh > size.csv\n")
    for _ in range(2):
        assert run("yprov-run", "-q", "sh", "train.sh", cwd=tmp_path).returncode == 0
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert (status, text.splitlines()[0]) == (0, "the same in all that matters for doing it again")
    (tmp_path / "train.sh").write_text("true\n")
    run("yprov-run", "-q", "sh", "train.sh", cwd=tmp_path)
    status, text, _ = inspect(tmp_path, "diff", "2", "3")
    assert status == 1
    assert text.startswith("code\n")
    assert "changes in train.sh: sha256 " in text


def test_rerun_does_not_run_what_a_credential_was_left_out_of(tmp_path: Path) -> None:
    run("yprov-run", "-q", "sh", "-c", "true", "--token", "hunter2hunter2", cwd=tmp_path)
    _, _, error = inspect(tmp_path, "rerun", "1")
    assert "step 0: a credential was left out of its command, where it says <redacted>" in error
    status, text, error = inspect(tmp_path, "rerun", "1", "--execute")
    assert status == 2
    assert "hunter2" not in text
    assert "a credential was left out" in error


def test_a_rerun_script_runs_where_the_jobs_path_lacks_yprov_run(tmp_path: Path) -> None:
    program = shutil.which("yprov-run", path=environment()["PATH"])
    assert program is not None
    # Variables that only another program can set: a shell has its own.
    ours = {"PATH": "/usr/bin:/bin", "UID": "7", "PPID": "7", "SHELLOPTS": "braceexpand"}
    done = run(
        program, "-q", "--env", "*", "--name", "j", "/bin/echo", "again", cwd=tmp_path,
        env=environment(**ours, MY_TOKEN="hunter2hunter2"),
    )  # fmt: skip
    assert done.returncode == 0
    _, script, error = inspect(tmp_path, "rerun", "1")
    assert "export PATH=/usr/bin:/bin\n" in script
    assert "MY_TOKEN: holds a credential; not set here" in error
    again = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert (again.returncode, again.stdout) == (0, b"again\n")


def test_hostile_names_are_text_in_every_view(tmp_path: Path) -> None:
    name = "\x1b[31m<script>\u202e" + "x" * 10_000
    files = [{"path": name, "role": "input", "size_bytes": 1, "sha256": "a" * 64}]
    shape = replace(
        SMALL, name=name, tags={name: name}, node_name="\x1b]0;x\x07{}", files=files,
        variables={"SLURM_JOB_NAME": name, name: name}, argv=("srun", name), user=name,
    )  # fmt: skip
    directory = write_record(tmp_path / "yprov", shape)
    fold(directory, with_report=False)
    other = replace(SMALL, number=2)
    fold(write_record(tmp_path / "yprov", other), with_report=False)
    place = str(directory.path)
    parts = ("nodes", "gpus", "files", "env", "timeline")
    words: list[list[str]] = [
        ["list"], ["show", place], ["diff", place, "2", "--all"], ["rerun", place],
        ["watch", place, "--once"], ["check", place], ["export", place, "--plot"],
        ["export", place, "--graph"],
        *(["show", place, f"--{part}"] for part in parts),
    ]  # fmt: skip
    for one in words:
        status, text, error = inspect(tmp_path, *one)
        assert status in (0, 1), error
        assert not set(text + error) & set("\x1b\x07\u202e"), one
        if one[0] not in ("rerun", "export"):
            assert max(map(len, text.splitlines()), default=0) < 600, one
    done = run("yprov-merge", place, str(tmp_path / "yprov/train_2"), cwd=tmp_path)
    assert not set(done.stdout.decode() + done.stderr.decode()) & set("\x1b\x07\u202e")
    assert len(listed(tmp_path)) == 2  # what is of both together is no third
    campaign = (tmp_path / "yprov/campaign.html").read_text()
    assert not set(campaign) & set("\x1b\x07\u202e")
    assert campaign.count("<script") == 2


def test_inputs_are_compared_by_what_is_in_them(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    for number, path in ((1, "/a/data"), (2, "/b/data")):
        file = {"path": path, "role": "input", "size_bytes": 1, "sha256": digest}
        shape = replace(SMALL, number=number, files=[file])
        fold(write_record(tmp_path / "yprov", shape), with_report=False)
    assert inspect(tmp_path, "diff", "1", "2")[0] == 0


@pytest.mark.parametrize(("option", "needle"), [("--plot", "GPU utilisation"), ("--graph", "job")])
def test_export_writes_an_svg_that_stands_alone(
    option: str, needle: str, jobs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.svg"
    assert inspect(jobs, "export", "1", option, "-o", str(path)) == (0, "", "")
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert needle in "".join(root.itertext())
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 3
    assert inspect(jobs, "export", "1", option)[1] == path.read_text()


def test_export_of_what_was_not_sampled_says_what_was(jobs: Path) -> None:
    status, _, error = inspect(jobs, "export", "1", "--plot", "--quantity", "noise")
    assert status == 2
    assert "--quantity 'noise': the job has gpu_utilisation, gpu_power" in error


def _with_packages(job: Path, rows: str, patch: str) -> None:
    """Attach a table of packages and a patch to a merged job, as its capture would."""
    document = json.loads((job / "prov.json").read_text())
    for name, media, text in (("p.csv", "text/csv", rows), ("c.patch", "text/x-diff", patch)):
        (job / "artifacts_GR0" / name).write_text(text)
        document["entity"][f"attachment/{name}"] = {
            "prov:type": "run:Attachment", "prov:label": name, "schema:encodingFormat": media,
            "prov:location": f"artifacts_GR0/{name}",
            "schema:sha256": hashlib.sha256(text.encode()).hexdigest(),
        }  # fmt: skip
    (job / "prov.json").write_text(json.dumps(document))


def test_packages_are_compared_one_by_one_and_a_patch_by_its_checksum(tmp_path: Path) -> None:
    head = "manager,name,version\n"
    for number, version in ((1, "1.0"), (2, "2.0")):
        directory = write_record(tmp_path / "yprov", replace(SMALL, number=number))
        fold(directory, with_report=False)
        rows = f"{head}pip,torch,{version}\npip,numpy,2.1\n"
        _with_packages(directory.path, rows, f"+{version}\n")
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert status == 1
    assert "  torch: 1.0 -> 2.0\n" in text
    assert text.index("c.patch: sha256") < text.index("torch")
    assert "numpy" not in text
    assert "1 packages" in text
    assert "torch" in inspect(tmp_path, "show", "2", "--packages")[1]


@pytest.mark.parametrize("place", ["../../secret.csv", "/etc/passwd", "a\0b", "", "artifacts_GR0"])
def test_an_attachment_outside_its_job_is_not_read(place: str, tmp_path: Path) -> None:
    directory = write_record(tmp_path / "yprov", replace(SMALL, number=1))
    fold(directory, with_report=False)
    (tmp_path / "secret.csv").write_text("name,version\nhunter,2\n")
    _with_packages(directory.path, "name,version\n", "")
    text = directory.document.read_text().replace('"artifacts_GR0/p.csv"', json.dumps(place))
    directory.document.write_text(text)
    status, said, _ = inspect(tmp_path, "show", "1", "--packages")
    assert status == 0
    assert "hunter" not in said and "root" not in said


def _with_directives(base: Path, number: int, directives: Sequence[str]) -> None:
    """Merge a job whose batch script has these directives, as its capture would add them."""
    directory = write_record(base, replace(SMALL, number=number))
    fold(directory, with_report=False)
    document = json.loads(directory.document.read_text())
    document["entity"][f"batch_script/{number}"] = {
        "prov:type": "prov:Plan", "prov:label": "batch script", "prov:value": "#!/bin/sh",
        "schema:sha256": str(number) * 64, "run:directives": json.dumps(directives),
    }  # fmt: skip
    directory.document.write_text(json.dumps(document))


def test_a_changed_batch_script_is_told_by_its_directives(tmp_path: Path) -> None:
    _with_directives(tmp_path / "yprov", 1, ["--mem=4G"])
    _with_directives(tmp_path / "yprov", 2, ["--mem=8G"])
    status, text, _ = inspect(tmp_path, "diff", "1", "2")
    assert status == 1
    assert "directive: --mem=4G -> --mem=8G" in text


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (["-A p", "-N 2", "-t 1"], ["-N 2", "-t 1"], [("-A p", None)]),
        (["-N 2", "-t 1"], ["-A p", "-N 2", "-t 1"], [(None, "-A p")]),
        (["-A p", "-N 2", "-t 1"], ["-N 2", "-A p", "-t 2"], [("-t 1", "-t 2")]),
        (["-w a", "-w a", "-w b"], ["-w a", "-w c"], [("-w a", "-w c"), ("-w b", None)]),
    ],
)
def test_of_facts_that_share_a_key_only_those_that_differ_are_told(
    first: Sequence[str],
    second: Sequence[str],
    told: Sequence[tuple[str | None, str | None]],
    tmp_path: Path,
) -> None:
    _with_directives(tmp_path / "yprov", 1, first)
    _with_directives(tmp_path / "yprov", 2, second)
    found = json.loads(inspect(tmp_path, "diff", "1", "2", "--json")[1])
    changes = [change for change in found["changes"] if change["key"] == "directive"]
    assert [(change["first"], change["second"]) for change in changes] == told
    same = sum((Counter(first) & Counter(second)).values())
    assert found["equal"]["batch script"] == same
