"""Reports of jobs that a real Slurm ran, in a real browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support.browser import Browser, browser, missing_programs
from tests.support.commands import BIN, only_job
from tests.support.slurm import SlurmCluster

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True),
]

HEAD = "#!/bin/bash\n#SBATCH -N4 --ntasks-per-node=1 --gres=gpu:2 --mem=1000\n"
# The program of the second node kills its own node's agent, as a node that dies does.
KILL_THE_AGENT = r"""
if [ "$SLURM_NODEID" = 1 ]; then
  sleep 2
  for p in /proc/[0-9]*; do
    if tr '\0' ' ' < $p/cmdline 2>/dev/null | grep -q "agent.main.*/$SLURMD_NODENAME-"; then
      kill -9 ${p#/proc/}
    fi
  done
fi
sleep 6
"""
JOBS = {
    "good": ("yprov-run srun sleep 4\n", "completed", []),
    "killed": ("yprov-run srun sh -c 'sleep 3; kill -9 $$'\n", "killed", []),
    "an agent died": ("yprov-run srun sh die.sh\n", "completed", ["node2: last sample"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    need(missing_programs(), "the report's browser tests")
    with browser() as running:
        yield running


@pytest.mark.parametrize("name", JOBS)
def test_the_report_of_a_real_job_is_drawn_and_opens(
    name: str, cluster: SlurmCluster, chromium: Browser, fake_nvml: Path, tmp_path: Path
) -> None:
    command, state, expected_marks = JOBS[name]
    (tmp_path / "die.sh").write_text(KILL_THE_AGENT)
    environ = {"LD_LIBRARY_PATH": str(fake_nvml), "PATH": f"{BIN}:{os.environ['PATH']}"}
    finished = cluster.batch(HEAD + command, tmp_path, environ=environ)
    page = only_job(tmp_path) / "report.html"
    assert page.is_file(), finished.output
    for dark in (False, True):
        chromium.open(page, dark=dark)
        assert chromium.ask("document.querySelectorAll('.uplot canvas').length") >= 4
    assert state in chromium.ask("document.querySelector('header .state').textContent")
    marks = json.loads(chromium.ask("document.getElementById('mark-data').textContent"))
    labels = [mark["label"] for mark in marks]
    assert all(words in labels for words in expected_marks), labels
    chromium.click(".graph .box.activity")
    chromium.wait_for("document.querySelectorAll('#box details').length > 0")
    assert chromium.complaints() == []
