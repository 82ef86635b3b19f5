"""A record in which anybody may have put anything: a named gap or one clear line, soon, in little
memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.jobdir import JobDir, NodeFiles
from yprov_run.merge.node import read_node

MEMORY_BYTES = 600 << 20
SEPARATOR = b"\n====\n"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    env = environment(LD_LIBRARY_PATH=str(fake_nvml))
    run("yprov-run", "-q", "--no-report", "--interval", "0.2", "sleep", "1", cwd=folder, env=env)
    return only_job(folder)


@pytest.fixture
def job(recorded: Path, tmp_path: Path) -> JobDir:
    return JobDir(Path(shutil.copytree(recorded, tmp_path / recorded.name)))


def _node_file(job: JobDir, suffix: str) -> Path:
    (found,) = (job.steps_dir / "0/nodes").glob(f"*{suffix}")
    return found


def _merge(job: JobDir, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Merge under a limit of memory, in another process: a hang is a failure of its own."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    return subprocess.run(
        ["yprov-merge", "-q", *options, str(job.path)], env=environment(), capture_output=True,
        timeout=60, check=False, preexec_fn=limited,
    )  # fmt: skip


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _huge(path: Path) -> None:
    with path.open("ab") as stream:
        stream.truncate(1 << 40)


REPLACED = (_pipe, _link, _device, _folder, _huge)


@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize(
    "name", ["job.json", "steps/0/step.json", "steps/0/end.json", ".tasks", ".events.jsonl"]
)
def test_something_else_in_a_files_place_is_named(
    name: str, replace: Callable[[Path], None], job: JobDir
) -> None:
    replace(_node_file(job, name) if name.startswith(".") else job.record / name)
    done = _merge(job)
    assert done.returncode == 0, done.stderr
    assert documents.gaps(json.loads(job.document.read_text()))


@pytest.mark.parametrize("replace", REPLACED)
def test_samples_that_are_something_else_are_not_read(
    replace: Callable[[Path], None], job: JobDir
) -> None:
    events = _node_file(job, ".events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"event":"end"' not in line))
    replace(_node_file(job, ".samples.csv"))
    done = _merge(job)
    assert done.returncode == 0, done.stderr
    gaps = documents.gaps(json.loads(job.document.read_text()))
    assert [gap for gap in gaps if "samples are unreadable" in gap]


@pytest.mark.parametrize("suffix", [".events.jsonl", ".samples.csv", ".tasks"])
@pytest.mark.parametrize(
    "content",
    [b"9" * (40 << 20), b"[" * (8 << 20) + b"\n", b'{"event":"end","rows":' + b"9" * 9000 + b"}\n",
     b'{"event":"columns","columns":' + b"[" * 5000 + b"]" * 5000 + b"}\n", b"\0" * 1000 + b"\n",
     b'{"event":"end","event":"node","time_ms":1e999}\n', b"1,NaN,Infinity\n"],
    ids=["one long line", "deep", "long number", "deep columns", "zeros", "twice", "no numbers"],
)  # fmt: skip
def test_lines_of_any_kind_are_not_a_crash(suffix: str, content: bytes, job: JobDir) -> None:
    with _node_file(job, suffix).open("ab") as stream:
        stream.write(content)
    done = _merge(job)
    assert done.returncode == 0, done.stderr
    documents.load(job.document) if suffix != ".samples.csv" else json.loads(
        job.document.read_text()
    )


TRACES = sorted((Path(__file__).parent / "data/traces").iterdir())


def test_every_trace_that_fuzzing_kept_is_read_to_an_answer(tmp_path: Path) -> None:
    assert len(TRACES) > 20
    for trace in TRACES:
        files = NodeFiles(tmp_path, f"node1-{trace.name}")
        parts = zip((files.tasks, files.events, files.samples), trace.read_bytes().split(SEPARATOR),
                    strict=False)  # fmt: skip
        for path, content in parts:
            path.write_bytes(content)
        execution, gaps = read_node(files, tmp_path, 1_800_000_000_000)
        assert execution.key == files.key
        assert all(isinstance(gap, str) for gap in gaps)


def test_paths_out_of_the_directory_are_not_followed(job: JobDir, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (job.steps_dir / "1").symlink_to(tmp_path / "secret")
    (job.steps_dir / ("9" * 200)).mkdir()
    nodes = job.steps_dir / "0/nodes"
    nodes.rename(tmp_path / "away")
    nodes.symlink_to(tmp_path / "away")
    done = _merge(job)
    assert done.returncode == 0, done.stderr
    document = documents.load(job.document)
    assert documents.job(document)["run:stepCount"] == 1
    assert documents.of_type(document, "activity", "run:NodeExecution") == {}


@pytest.mark.parametrize("name", ["metrics_GR0", "artifacts_GR0"])
def test_nothing_is_written_through_a_link_in_the_place_of_a_folder(
    name: str, job: JobDir, tmp_path: Path
) -> None:
    elsewhere = Path(shutil.copytree(job.path / name, tmp_path / "elsewhere"))
    for path in elsewhere.iterdir():
        path.write_text("precious")
    shutil.rmtree(job.path / name)
    (job.path / name).symlink_to(elsewhere)
    done = _merge(job)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert f"{name}: cannot write: it is a link".encode() in done.stderr
    assert {path.read_text() for path in elsewhere.iterdir()} == {"precious"}


def test_an_interrupted_merge_leaves_the_old_document_whole(job: JobDir) -> None:
    before = job.document.read_bytes()
    (job.artifacts / "tasks.csv").unlink()
    (job.artifacts / "tasks.csv").mkdir()
    done = _merge(job)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert job.document.read_bytes() == before
    assert not list(job.path.glob(".prov.json*"))


def test_merges_at_the_same_time_give_the_document_of_one(job: JobDir) -> None:
    _merge(job, "--no-report")
    before = job.document.read_bytes()
    several = [
        subprocess.Popen(["yprov-merge", "-q", "--no-report", str(job.path)], env=environment())
        for _ in range(4)
    ]
    assert [merge.wait(60) for merge in several] == [0] * 4
    assert job.document.read_bytes() == before
    assert documents.load(job.document)
    assert not [path for path in job.path.rglob(".*") if path.is_file()]
