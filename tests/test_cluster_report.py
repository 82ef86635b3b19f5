"""Reports of jobs that a real Slurm ran, in a real browser."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.browser import Browser
from tests.support.commands import BIN, only_job
from tests.support.slurm import SlurmCluster

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True),
]

HEAD = "#!/bin/bash\n#SBATCH --ntasks-per-node=1 --gres=gpu:2 --mem=1000\n"
# The program of the second node kills its own node's agent, as a node that dies does.
KILL_THE_AGENT = r"""
if [ "$SLURM_NODEID" = 1 ]; then
  sleep 2
  agent="agent.main.*$YPROV_JOB_DIR/.*/$SLURMD_NODENAME-"
  for p in /proc/[0-9]*; do
    if tr '\0' ' ' < $p/cmdline 2>/dev/null | grep -q "$agent"; then
      kill -9 ${p#/proc/}
    fi
  done
fi
sleep 5
"""


class Case(NamedTuple):
    """A job, what its fake GPUs do, and what its report is to say."""

    nodes: int
    command: str
    state: str = "completed"
    knobs: Mapping[str, str] = {}
    advice: str = ""
    mark: str = ""


# Those of two nodes first: together with the others they fill the four nodes twice.
CASES = {
    "imbalanced": Case(
        2, "sleep 4", knobs={"SLOW_NODE": "1"}, advice=r"uneven work: node\d 5% used, the median"
    ),
    "an agent died": Case(2, "sh die.sh", mark=r"node\d: last sample"),
    "good": Case(2, "sleep 4"),
    "idle GPU": Case(
        1, "sleep 4", knobs={"IDLE_GPU": "1"}, advice=r"1 of 2 GPUs stood idle: .* node\d GPU 1"
    ),
    "killed": Case(
        1, "sh -c 'sleep 3; kill -9 $$'", "killed", mark="step 0 killed by SIGKILL"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def reports(
    cluster: SlurmCluster, fake_nvml: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Run all jobs, two or three at a time, and return where their reports are."""
    waiting: dict[str, tuple[str, Path]] = {}
    for name, case in CASES.items():
        folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
        (folder / "die.sh").write_text(KILL_THE_AGENT)
        (folder / "yprov.yaml").write_text("advice:\n  least_seconds: 1\n")
        environ = {
            "LD_LIBRARY_PATH": str(fake_nvml),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            **{f"FAKE_NVML_{knob}": text for knob, text in case.knobs.items()},
        }
        script = f"{HEAD}yprov-run srun {case.command}\n"
        job_id = cluster.submit(script, folder, ["-N", str(case.nodes)], environ)
        waiting[name] = (job_id, folder)
    found = {}
    for name, (job_id, folder) in waiting.items():
        finished = cluster.wait(job_id, folder)
        found[name] = only_job(folder) / "report.html"
        assert found[name].is_file(), finished.output
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_report_of_a_real_job_is_drawn_and_opens(
    name: str, reports: dict[str, Path], chromium: Browser
) -> None:
    case = CASES[name]
    for dark in (False, True):
        chromium.open(reports[name], dark=dark)
        assert chromium.ask("document.querySelectorAll('.uplot canvas').length") >= 4
    assert case.state in chromium.ask("document.querySelector('header .state').textContent")
    marks = json.loads(chromium.ask("document.getElementById('mark-data').textContent"))
    labels = "\n".join(mark["label"] for mark in marks)
    assert re.search(case.mark, labels), labels
    advice = chromium.ask("(document.getElementById('advice') || {}).textContent || ''")
    assert re.search(case.advice, advice), advice
    assert ("stood idle" in advice) is (name == "idle GPU")
    assert ("uneven work" in advice) is (name == "imbalanced")
    chromium.click(".graph .box.activity")
    chromium.wait_for("document.querySelectorAll('#box details').length > 0")
    assert chromium.complaints() == []
