"""The tutorial on a cluster, done on the test cluster as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import pages
from tests.support.commands import environment
from tests.support.slurm import SlurmCluster
from tests.support.walking import Step, steps, walk

pytestmark = pytest.mark.cluster

PAGE = "docs/tutorial/cluster.md"


def _with_the_numbers_that_jobs_get_here(found: list[Step]) -> list[Step]:
    """Return steps in which a number of a job that the page submits is the one it has here."""
    seen: list[str] = []
    result = []
    for step in found:
        commands = step.commands
        for number in seen:
            commands = commands.replace(number, f"${{JOB_{number}}}")
        result.append(step._replace(commands=commands))
        if step.printed.startswith("Submitted batch job"):
            seen.append(step.printed.split()[-1])
            # It was the last to be submitted; `sbatch` has waited for its end.
            last = f"JOB_{seen[-1]}=$(ls -t slurm-*.out | head -1 | tr -dc 0-9)"
            result.append(Step(step.place, last, ""))
    return result


# One way to track processes is enough: what it changes has tests of its own.
@pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True)
def test_the_tutorial_does_what_it_says(cluster: SlurmCluster, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for block in pages.blocks("docs/tutorial/laptop.md"):
        if block.title:
            (folder / block.title).write_text(block.text)
    (folder / "points.csv").write_text("".join(f"{x},{3 * x + 1}\n" for x in range(1, 21)))
    path = environment()["PATH"]
    env = {**cluster.environ, "PATH": path, "SBATCH_WAIT": "1", "HOME": str(tmp_path)}
    found = _with_the_numbers_that_jobs_get_here(list(steps(PAGE, ("cluster",))))
    assert sum(step.commands.startswith("sbatch") for step in found) == 2
    walk(found, folder, env)
