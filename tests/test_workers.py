"""Workers that a task starts itself are counted and named as such."""

from __future__ import annotations

import csv
import shutil
import tracemalloc
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import BIN, only_job, run
from yprov_run.agent.workers import WorkerFinder


@pytest.mark.examples
def test_the_workers_of_torchrun_are_named_with_their_ranks(tmp_path: Path) -> None:
    (tmp_path / "w.py").write_text("import os, time; time.sleep(3); print(os.environ['RANK'])\n")
    done = run("yprov-run", "--interval", "0.2", f"{BIN}/torchrun", "--nproc-per-node", "2",
               "w.py", cwd=tmp_path)  # fmt: skip
    assert sorted(done.stdout.split()) == [b"0", b"1"]
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    assert (job["run:taskCount"], job["run:workerCount"]) == (1, 2)
    assert b"1 task with 2 workers" in done.stderr
    with (only_job(tmp_path) / "artifacts_GR0/tasks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    (task,) = (row for row in rows if not row["worker_of"])
    workers = [row for row in rows if row["worker_of"]]
    assert {row["worker_of"] for row in workers} == {task["pid"]}
    assert sorted(row["rank"] for row in workers) == ["0", "1"]


def _process(proc: Path, pid: int, children: str, environ: bytes) -> None:
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (folder / "children").write_text(children)
    (proc / str(pid) / "environ").write_bytes(environ)


def test_a_task_that_has_a_rank_itself_has_no_workers(tmp_path: Path) -> None:
    _process(tmp_path, 10, "11", b"RANK=0\0LOCAL_RANK=0\0")
    _process(tmp_path, 11, "", b"RANK=0\0LOCAL_RANK=0\0")
    assert WorkerFinder(str(tmp_path)).find(10) == []


def test_a_worker_is_found_below_a_shell_and_reported_once(tmp_path: Path) -> None:
    _process(tmp_path, 10, "11", b"A=1\0")
    _process(tmp_path, 11, "12 13", b"A=1\0")
    _process(tmp_path, 12, "", b"A=1\0")
    _process(tmp_path, 13, "", b"LOCAL_RANK=1\0RANK=5\0")
    finder = WorkerFinder(str(tmp_path))
    assert [(w.pid, w.rank, w.local_rank) for w in finder.find(10)] == [(13, 5, 1)]
    (tmp_path / "12" / "environ").write_bytes(b"LOCAL_RANK=0\0RANK=4\0")
    assert [w.pid for w in finder.find(10)] == [12]
    assert finder.find(10) == []


def _gone(proc: Path, parent: int, *pids: int) -> None:
    for pid in pids:
        shutil.rmtree(proc / str(pid))
    (proc / str(parent) / "task" / str(parent) / "children").write_text("")


def test_a_worker_with_the_number_of_one_that_is_gone_is_a_worker_too(tmp_path: Path) -> None:
    _process(tmp_path, 10, "11 12", b"A=1\0")
    _process(tmp_path, 11, "", b"RANK=0\0LOCAL_RANK=0\0")
    _process(tmp_path, 12, "", b"A=1\0")
    finder = WorkerFinder(str(tmp_path))
    assert [w.pid for w in finder.find(10)] == [11]
    for _ in range(4):  # by then 12 is taken for none
        assert finder.find(10) == []
    _gone(tmp_path, 10, 11, 12)
    assert finder.find(10) == []
    (tmp_path / "10/task/10/children").write_text("11 12")
    _process(tmp_path, 11, "", b"RANK=2\0LOCAL_RANK=0\0")
    _process(tmp_path, 12, "", b"RANK=3\0LOCAL_RANK=1\0")
    assert [(w.pid, w.rank) for w in finder.find(10)] == [(11, 2), (12, 3)]


def test_a_worker_that_the_kernels_list_leaves_out_once_is_still_the_same_one(
    tmp_path: Path,
) -> None:
    """The list of a process' children may lack some while others of them end."""
    _process(tmp_path, 10, "11", b"A=1\0")
    _process(tmp_path, 11, "", b"RANK=0\0LOCAL_RANK=0\0")
    finder = WorkerFinder(str(tmp_path))
    assert [w.pid for w in finder.find(10)] == [11]
    children = tmp_path / "10/task/10/children"
    children.write_text("")
    assert finder.find(10) == []
    children.write_text("11")
    assert finder.find(10) == []


def test_a_day_of_short_lived_children_takes_no_memory(tmp_path: Path) -> None:
    """A job that starts 50 programs every ten seconds, looked at as often."""
    _process(tmp_path, 10, "", b"A=1\0")
    children = tmp_path / "10/task/10/children"
    finder = WorkerFinder(str(tmp_path))
    tracemalloc.start()
    try:
        finder.find(10)
        before = tracemalloc.get_traced_memory()[0]
        for first in range(1000, 1000 + 50 * 500, 50):
            children.write_text(" ".join(map(str, range(first, first + 50))))
            finder.find(10)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000  # all 25,000 took four megabytes
