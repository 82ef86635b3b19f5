"""Random valid command lines, run bare and wrapped for real: nobody sees a difference."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import need
from tests.support.commands import environment, run
from tests.support.slurm import SlurmCluster

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True)]

SHOW = [sys.executable, str(Path(__file__).parent / "programs/show.py")]

WORDS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0"),
        max_size=6,
    ).filter(lambda word: word != ":"),
    max_size=3,
)
VARIABLES = st.dictionaries(
    st.sampled_from(["A", "PS1", "IFS", "OPTIND", "B_1", "LINES", "x.y", "BASH_FUNC_m%%", "ENV"]),
    st.sampled_from(["", "1", "a b", "a\nb", "() { :; }", "/nowhere"]),
    max_size=4,
    # With an OPTIND that is no number no shell script starts at all.
).map(lambda given: {**given, **({"OPTIND": "5"} if "OPTIND" in given else {})})

_SRUN = st.sampled_from(
    [[], ["-u"], ["--unbuffered"], ["--unbuf"], ["-K"], ["-K0"], ["--kill-on-bad-exit=1"],
     ["--label", "--quiet"], ["-lQ"], ["--exclusive"], ["--cpu-bind=none"], ["--cpu-bind", "none"],
     ["-J", "name"], ["-Jname"], ["--job-name", "--odd"], ["--export", "ALL,EXTRA=1"],
     ["--export=ALL"], ["-t1"], ["-t", "1"], ["--mem", "50"], ["-D", "/tmp"], ["--chdir=/tmp"],
     ["-i", "none"], ["--input=0"], ["-W", "5"], ["--propagate=NONE"], ["-c", "1"], ["-c1"]]
)  # fmt: skip
_SIZES = st.sampled_from([["-n1"], ["-n", "2"], ["--ntasks=3"], ["-N2", "-n4"], ["--nodes", "2"]])
_OPEN_MPI = st.sampled_from(
    [[], ["--tag-output"], ["-x", "HOME"], ["--mca", "btl", "self,tcp"], ["--map-by", "slot"],
     ["--bind-to", "none"], ["-wdir", "/tmp"], ["--quiet"], ["-report-bindings"]]
)  # fmt: skip
_HYDRA = st.sampled_from(
    [[], ["-genv", "G", "a b"], ["-env", "L", "1"], ["-ppn", "2"], ["-prepend-rank"], ["-l"],
     ["-genvall"], ["-wdir", "/tmp"], ["-bind-to", "none"], ["-usize", "4"]]
)  # fmt: skip


def _flat(parts: list[list[str]]) -> list[str]:
    return [word for part in parts for word in part]


SRUN_COMMANDS = st.builds(
    lambda options, size, dashes, words: ["srun", *_flat(options), *size, *dashes, *SHOW, *words],
    st.lists(_SRUN, max_size=4),
    _SIZES,
    st.sampled_from([[], ["--"]]),
    WORDS,
)
OPEN_MPI_COMMANDS = st.builds(
    lambda options, count, words: [
        "mpirun.openmpi", "--oversubscribe", *_flat(options), *count, *SHOW, *words,
    ],
    st.lists(_OPEN_MPI, max_size=3),
    st.sampled_from([["-np", "1"], ["-n", "3"], ["-c", "2"], ["--np", "2"]]),
    WORDS,
)  # fmt: skip
HYDRA_COMMANDS = st.builds(
    lambda options, count, words: ["mpiexec.hydra", *_flat(options), *count, *SHOW, *words],
    st.lists(_HYDRA, max_size=3),
    st.sampled_from([["-n", "1"], ["-np", "3"]]),
    WORDS,
)


def _compare(command: list[str], variables: dict[str, str], base: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for where in ("bare", "wrapped"):
            (folder / where).mkdir()
        env = {**environment(), **base, **variables}
        bare = run(*command, cwd=folder, env={**env, "SHOW_DIR": f"{folder}/bare"})
        wrapped = run("yprov-run", "--no-merge", *command, cwd=folder,
                      env={**env, "SHOW_DIR": f"{folder}/wrapped"})  # fmt: skip
        assert wrapped.returncode == bare.returncode
        assert sorted(wrapped.stdout.splitlines()) == sorted(bare.stdout.splitlines())
        assert _given(folder / "wrapped") == _given(folder / "bare")
        if bare.returncode == 0:
            assert list(folder.glob("yprov/*/record/steps/0/nodes/*.tasks"))


def _given(folder: Path) -> dict[str, list[Any]]:
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.iterdir())}


# Each example runs two jobs: there is no time to shrink one that fails.
SETTINGS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    "derandomize": True,
    "phases": [Phase.generate],
}


@settings(max_examples=30, **SETTINGS)
@given(command=SRUN_COMMANDS, variables=VARIABLES)
def test_any_srun_command(
    command: list[str], variables: dict[str, str], cluster: SlurmCluster
) -> None:
    own = {name: cluster.environ[name] for name in ("SLURM_CONF",)}
    _compare(command, variables, own)


@settings(max_examples=24, **SETTINGS)
@given(command=st.one_of(OPEN_MPI_COMMANDS, HYDRA_COMMANDS), variables=VARIABLES)
def test_any_mpi_command(
    command: list[str], variables: dict[str, str], cluster: SlurmCluster
) -> None:
    need([p for p in ("mpiexec.hydra", "mpirun.openmpi") if not shutil.which(p)], "this test")
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    _compare(command, variables, as_root)
