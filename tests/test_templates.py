"""What a site takes from the templates, and those of schedulers that stand-ins must stand for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, REPOSITORY, environment, only_job, run
from tests.support.modulesystems import module_command
from yprov_run import config
from yprov_run.templates import catalogue, fill


def _script(folder: Path, name: str, lines: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


def test_the_sites_configuration_changes_nothing_until_something_is_taken_in(
    tmp_path: Path,
) -> None:
    assert config.load([catalogue.path("config")]) == {}


def test_the_sites_configuration_has_every_key_and_each_is_accepted(tmp_path: Path) -> None:
    text = catalogue.path("config").read_text()
    taken_in = re.sub(r"^#(?=[a-z]| {2}[a-z])", "", text, flags=re.MULTILINE)
    path = tmp_path / "config.yaml"
    path.write_text(taken_in)
    found = config.load([path])
    assert found.keys() == {*config.KEYS, "advice", "tariff"}
    assert found["advice"] == {name: default for name, (default, _) in config.ADVICE.items()}
    tariff = found["tariff"]
    assert isinstance(tariff, dict)
    assert tariff.keys() == config.TARIFF.keys()


@pytest.mark.parametrize(
    ("system", "template", "file"),
    [
        ("lmod", "lmod", "1.0.lua"),
        ("lmod", "tcl", "1.0"),
        ("environment-modules", "tcl", "1.0"),
    ],
)
def test_the_modulefile_puts_the_three_commands_on_the_path_and_nothing_else(
    system: str, template: str, file: str, tmp_path: Path
) -> None:
    module = tmp_path / "modulefiles/yprov-run" / file
    module.parent.mkdir(parents=True)
    root = tmp_path / "opt"
    module.write_text(catalogue.path(template).read_text().replace("/opt/yprov-run", str(root)))
    (root / "bin").mkdir(parents=True)
    for command in ("yprov-run", "yprov-merge", "yprov-inspect"):
        (root / "bin" / command).symlink_to(BIN / command)
    script = (
        f'eval "$({module_command(system)} load yprov-run 2>/dev/null)"\n'
        "command -v yprov-run; command -v python3; exec yprov-run -q true"
    )
    env = {"PATH": "/usr/bin:/bin", "MODULEPATH": str(tmp_path / "modulefiles")}
    done = run("bash", "-c", script, cwd=tmp_path, env={**env, "HOME": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split()[0] == str(root / "bin/yprov-run")
    assert str(BIN) not in done.stdout.decode()
    assert (only_job(tmp_path) / "prov.json").exists()


def test_the_epilog_never_fails_where_slurm_knows_nothing_of_the_job(tmp_path: Path) -> None:
    env = {"SLURM_JOB_ID": "1", "SLURMD_NODENAME": "n1", "SLURM_CONF": "/nowhere"}
    text = catalogue.path("epilog").read_text()
    assert "timeout 10 scontrol" in text  # which tries for a minute
    script = _script(tmp_path, "epilog.sh", text.replace("timeout 10 ", "timeout 0.2 "))
    done = run("bash", str(script), cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_pbs_starts_a_rank_for_each_line_of_its_node_file(tmp_path: Path) -> None:
    need([name for name in ("mpiexec.hydra",) if not shutil.which(name)], "this test")
    (tmp_path / "nodes").write_text("localhost\nlocalhost\n")
    _script(tmp_path, "mpiexec", 'exec mpiexec.hydra "$@"')
    document = _run_script("pbs", tmp_path, environment(
        PBS_JOBID="4711.server", PBS_JOBNAME="train", PBS_O_WORKDIR=str(tmp_path),
        PBS_NODEFILE=str(tmp_path / "nodes"),
    ))  # fmt: skip
    job = documents.job(document)
    assert (job["run:state"], job["run:taskCount"]) == ("completed", 2)
    assert only_job(tmp_path).name == "train_4711"


FLUX = """\
[ "$1" = getattr ] && { echo 1; exit; }
shift
while :; do
    case $1 in --ntasks=*) tasks=${1#*=} ;; --*) ;; *) break ;; esac
    shift
done
for rank in $(seq 0 $((tasks - 1))); do
    FLUX_TASK_RANK=$rank FLUX_TASK_LOCAL_ID=$rank "$@" &
done
wait"""


def test_flux_starts_a_rank_for_each_gpu(tmp_path: Path) -> None:
    _script(tmp_path, "flux", FLUX)
    env = environment(FLUX_JOB_ID="4711", FLUX_JOB_NAME="train")
    job = documents.job(_run_script("flux", tmp_path, env))
    assert (job["run:state"], job["run:taskCount"]) == ("completed", 3)
    assert only_job(tmp_path).name == "train_4711"


def _run_script(name: str, folder: Path, env: dict[str, str]) -> documents.Document:
    """Run a batch script as its scheduler would, and return its document."""
    text = fill.fill(catalogue.path(name).read_text(), {"gpus-per-node": "3"}, "sleep 0.2")
    script = _script(folder, "script", text)
    done = subprocess.run(
        ["bash", str(script)], cwd=folder, env={**env, "PATH": f"{folder}:{env['PATH']}"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return documents.load(only_job(folder) / "prov.json")


@pytest.mark.parametrize("name", catalogue.SCRIPTS)
def test_bash_can_read_every_script(name: str, tmp_path: Path) -> None:
    done = run("bash", "-n", str(catalogue.path(name)), cwd=tmp_path, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_page_has_each_template_once_and_no_other() -> None:
    page = (REPOSITORY / "docs/templates.md").read_text()
    rows = re.findall(r"^\| `([a-z]+)` \| \w", page, re.MULTILINE)
    assert rows == [*catalogue.SCRIPTS, catalogue.INCLUDE]
