"""The job directory: its layout is a contract, and two jobs never share one."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.commands import only_job, run
from yprov_run.errors import YprovError
from yprov_run.finding import find_job
from yprov_run.jobdir import SCHEMA_VERSION, JobDir, open_job_dir, safe_name, write_once
from yprov_run.kinds import KINDS

IDENTITY: dict[str, object] = {"cluster": "c", "number": "7", "user": "u"}


def test_the_layout_and_the_schema_are_as_they_were(tmp_path: Path) -> None:
    """Readers of old records depend on this: change it with the schema version only."""
    assert SCHEMA_VERSION == 1
    run("yprov-run", "--tag", "a=b", "true", cwd=tmp_path)
    job = only_job(tmp_path)
    assert job.name == "true_1"
    found = {path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()}
    (key,) = JobDir(job).steps().__next__().node_keys()
    nodes = f"record/steps/0/nodes/{key}"
    assert {name for name in found if not name.startswith("metrics_GR0/")} == {
        "prov.json",
        "report.html",
        "artifacts_GR0/tasks.csv",
        "record/job.json",
        "record/steps/0/step.json",
        "record/steps/0/task.sh",
        "record/steps/0/end.json",
        "record/steps/0/files.json",
        f"{nodes}.tasks",
        f"{nodes}.events.jsonl",
        f"{nodes}.samples.csv",
        "record/steps/0/captured/expected.json",
        *(f"record/steps/0/captured/{kind.name}.json" for kind in KINDS),
    }
    fields = {
        "record/job.json": "created_ms directory identity name number platform schema scheduler "
        "tags user version",
        "record/steps/0/step.json": "argv boot_id cwd host interval_s launcher options pid "
        "recorded_on_nodes restart schema start_ticks started_ms tags warning",
        "record/steps/0/end.json": "ended_ms error exit_status schema signal started_ms",
    }
    for name, names in fields.items():
        record = json.loads((job / name).read_text())
        assert sorted(record) == sorted(names.split()), name
        assert record["schema"] == SCHEMA_VERSION
    first = json.loads((job / f"{nodes}.events.jsonl").read_text().split("\n")[0])
    assert (first["event"], first["schema"]) == ("node", SCHEMA_VERSION)


def test_what_is_known_before_the_launch_is_on_disk_when_the_program_starts(
    tmp_path: Path,
) -> None:
    run("yprov-run", "sh", "-c", "cd $YPROV_JOB_DIR/record; cat job.json steps/0/step.json >copy",
        cwd=tmp_path)  # fmt: skip
    text = (only_job(tmp_path) / "record/copy").read_text()
    decoder = json.JSONDecoder()
    job, end = decoder.raw_decode(text)
    step, _ = decoder.raw_decode(text[end:].lstrip())
    assert job["user"]["name"]
    assert step["argv"][:2] == ["sh", "-c"]
    assert step["cwd"] == str(tmp_path)


def test_local_jobs_at_the_same_instant_get_different_directories(tmp_path: Path) -> None:
    def open_one(_: int) -> Path:
        return open_job_dir(tmp_path, "x", None, {}).path

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(open_one, range(64)))
    assert len(set(paths)) == 64
    assert all(path.name.rpartition("_")[2].isdigit() for path in paths)


def test_steps_at_the_same_instant_get_different_folders(tmp_path: Path) -> None:
    directory = open_job_dir(tmp_path, "x", "7", IDENTITY)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: directory.add_step().number, range(64)))
    assert sorted(numbers) == list(range(64))


def test_a_reused_job_id_does_not_join_the_old_jobs_directory(tmp_path: Path) -> None:
    first = open_job_dir(tmp_path, "x", "7", IDENTITY)
    write_once(first.job_file, json.dumps({"identity": IDENTITY}))
    assert open_job_dir(tmp_path, "x", "7", IDENTITY).path == first.path
    other = open_job_dir(tmp_path, "x", "7", {**IDENTITY, "cluster": "d"})
    assert other.path != first.path
    assert other.number == "7"


def test_a_requeued_job_joins_its_directory_and_a_reused_id_does_not(tmp_path: Path) -> None:
    def opened(restart: int, started_s: int | None) -> Path:
        attempt = {"restart": restart, "started_s": started_s}
        directory = open_job_dir(tmp_path, "x", "7", IDENTITY, attempt)
        write_once(directory.job_file, json.dumps({"identity": IDENTITY, "scheduler": attempt}))
        return directory.path

    first = opened(0, 1000)
    assert opened(0, 1000) == opened(1, 2000) == opened(0, None) == first
    assert opened(0, 3000) != first


def test_a_file_that_finds_no_room_is_not_there_in_part(tmp_path: Path) -> None:
    text = "x" * 5000
    script = "import sys; from pathlib import Path; from yprov_run.jobdir import write_once\n"
    script += f"write_once(Path({str(tmp_path / 'a')!r}), {text!r})"
    done = run("sh", "-c", 'ulimit -f 4; exec "$0" -c "$1"', sys.executable, script, cwd=tmp_path)
    assert b"File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_written_once_is_not_written_again(tmp_path: Path) -> None:
    assert write_once(tmp_path / "a", "one")
    assert not write_once(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("train", "train"), ("../../etc", "etc"), ("a b/c", "a-b-c"), ("", "job"), ("ü" * 3, "job"),
     ("x" * 500, "x" * 80), ("my_job", "my_job")],
)  # fmt: skip
def test_a_name_of_any_text_is_a_safe_folder(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_a_job_is_found_by_its_path_or_its_number(tmp_path: Path) -> None:
    directory = open_job_dir(tmp_path, "x", "7", IDENTITY)
    assert find_job(str(directory.path), tmp_path).path == directory.path.resolve()
    assert find_job("7", tmp_path).path == directory.path.resolve()


@pytest.mark.parametrize(
    ("reference", "words"),
    [("8", "no job 8 in"), ("nowhere", "no such directory"), (".", "not a job directory")],
)
def test_what_is_no_job_is_said_in_one_line(
    reference: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(YprovError, match=words):
        find_job(reference, tmp_path)


@pytest.mark.parametrize(
    ("reference", "words"),
    [("x" * 300, "File name too long"), ("9" * 300, "File name too long"), ("loop", "symbolic"),
     ("loop/x_7", "symbolic"), ("7/x", "no such directory"), ("a\0b", "no such directory")],
)  # fmt: skip
def test_what_the_system_refuses_to_look_at_is_said_in_one_line(
    reference: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("7").touch()
    with pytest.raises(YprovError, match=words):
        find_job(reference, tmp_path)


def test_a_number_that_two_jobs_have_is_ambiguous(tmp_path: Path) -> None:
    open_job_dir(tmp_path, "x", "7", IDENTITY)
    open_job_dir(tmp_path, "y", "7", IDENTITY)
    with pytest.raises(YprovError, match="ambiguous"):
        find_job("7", tmp_path)
