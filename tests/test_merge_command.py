"""`yprov-merge` as a person meets it: how far it is, what interrupts it, and its check."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, run
from tests.test_scale import synthesize
from yprov_run.cli.fold import fold
from yprov_run.cli.inspections.check import check_file
from yprov_run.cli.progress import Progress
from yprov_run.jobdir import JobDir


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    """Return a merged job of many nodes, some to be rebuilt; its record then says something new."""
    made = synthesize(
        tmp_path_factory.mktemp("slow") / "slow_1", 140, 1, "--die", "40", "--die-seconds", "300"
    )
    fold(made, with_report=False)
    record = json.loads(made.job_file.read_text())
    made.job_file.write_text(json.dumps({**record, "tags": {"changed": "since"}}))
    nodes = made.steps_dir / "0/nodes"
    with next(iter(sorted(nodes.glob("*.tasks")))).open("a") as stream:
        stream.write("task 99999 99 99999 -\n")
    return made


def _interrupted(directory: JobDir, number: signal.Signals) -> tuple[int, bytes]:
    """Signal a merge when it has readers; return its status and what it said."""
    command = ["yprov-merge", "-q", "--no-report", str(directory.path)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None:
            with contextlib.suppress(OSError):
                if children.read_text():
                    process.send_signal(number)
                    break
        _, said = process.communicate(timeout=60)
        return process.returncode, said


def _left_behind(directory: JobDir) -> list[Path]:
    return [path for path in directory.path.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_among_its_nodes_it_leaves_the_old_document_whole(
    number: signal.Signals, slow: JobDir
) -> None:
    status, said = 0, b""
    for _ in range(5):  # a merge that ended while we were not looking was not interrupted
        if status == 0:
            old = slow.document.read_bytes()
            status, said = _interrupted(slow, number)
    if number == signal.SIGINT:
        assert (status, said) == (130, b"yprov-merge: interrupted\n")
        assert _left_behind(slow) == []
    else:
        assert status == -signal.SIGKILL
    assert slow.document.read_bytes() == old
    assert check_file(slow.document) == []


@pytest.mark.parametrize("where", ["reading nodes", "writing metric files", "writing the document"])
def test_wherever_it_is_interrupted_document_and_tables_fit_each_other(
    where: str, slow: JobDir
) -> None:
    old = slow.document.read_bytes()

    def interrupt(_: float, words: str) -> None:
        if words == where:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fold(slow, with_report=False, show=interrupt)
    assert slow.document.read_bytes() == old
    assert check_file(slow.document) == []
    assert _left_behind(slow) == []


def test_it_says_how_far_it_is_from_the_first_node_to_the_report(tmp_path: Path) -> None:
    made = synthesize(tmp_path / "few_1", 5, 1)
    shown: list[tuple[float, str]] = []
    fold(made, show=lambda share, words: shown.append((share, words)))
    shares = [share for share, _ in shown]
    assert shares == sorted(shares)
    assert (shares[0], len(shares) >= 10) == (0.0, True)
    assert all(0 <= share < 1 for share in shares)
    assert list(dict.fromkeys(words for _, words in shown)) == [
        "reading nodes", "writing metric files", "writing the document", "writing the report",
    ]  # fmt: skip
    assert documents.job(documents.load(made.document))["run:nodeCount"] == 5


def _shown_after(seconds: float, wanted: bool = True) -> bytes:
    """Return what a bar puts on a terminal when its work is at 50 % after some seconds."""
    now = [0.0]
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream, os.fdopen(master, "rb", buffering=0) as terminal:
        with Progress("merging", wanted, stream, clock=lambda: now[0]) as progress:
            for share in (0.25, 0.5):
                now[0] += seconds / 2
                progress.show(share, "reading nodes")
        stream.write("end\n")
        stream.flush()
        shown = b""
        while b"end" not in shown:
            shown += terminal.read(4096)
    return shown.partition(b"end")[0]


def test_a_bar_with_the_time_left_stands_on_a_terminal_after_a_second() -> None:
    shown = _shown_after(4.0)
    assert b"reading nodes" in shown
    assert b"50%" in shown
    assert b"0:00:" in shown or b"-:--:--" in shown
    assert _shown_after(0.8) == b""
    assert _shown_after(4.0, wanted=False) == b""


def test_no_bar_stands_in_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress("merging", clock=iter(range(100)).__next__) as progress:
        progress.show(0.5)
    assert capfd.readouterr() == ("", "")


def test_its_check_lists_faults_with_their_places_and_merges_nothing(tmp_path: Path) -> None:
    made = synthesize(tmp_path / "few_1", 2, 1)
    fold(made, with_report=False)
    good = run("yprov-merge", "--check", str(made.path), cwd=tmp_path)
    assert (good.returncode, good.stdout) == (0, b""), good.stderr
    document = json.loads(made.document.read_text())
    document["used"]["u"] = {"prov:activity": "job", "prov:entity": "nowhere"}
    made.document.write_text(json.dumps(document))
    before = made.document.read_bytes()
    bad = run("yprov-merge", "--check", str(made.path), str(made.document), cwd=tmp_path)
    assert bad.returncode == 1
    assert bad.stdout.count(b"/used/u/prov:entity: ") == 2, bad.stdout
    assert made.document.read_bytes() == before
