"""The short way of reading the command line and the long one say the same; and it is short."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.commands import BIN, environment
from yprov_run import __main__, launchers
from yprov_run.cli import quick
from yprov_run.cli.options import app
from yprov_run.cli.request import Request
from yprov_run.errors import YprovError
from yprov_run.launchers import hydra, openmpi, others

_VARIABLES = ("YPROV_DIR", "YPROV_NAME", "YPROV_INTERVAL")
_VALUES = st.one_of(
    st.sampled_from(
        ["", "a", "0.5", "-1", "nan", "1e3", "K=V", "K=", "=V", "--", "-q", "a b", "ü"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
_OPTIONS = st.sampled_from(
    ["--dir", "--name", "--interval", "-i", "--input", "-o", "--output", "--tag", "--no-capture",
     "--no-merge", "--no-report", "--dry-run", "-q", "--quiet", "-qi", "-ix", "--inp",
     "--nonsense", "-x", "-", "--"]
)  # fmt: skip
_WORDS = st.one_of(
    _OPTIONS.map(lambda option: [option]),
    st.tuples(_OPTIONS, _VALUES).map(list),
    st.tuples(_OPTIONS, _VALUES).map(lambda pair: ["=".join(pair)]),
)


def test_the_start_of_the_command_knows_the_options_that_may_stand_before_a_command() -> None:
    """It has them by heart, as nothing of ours may be there to be asked."""
    parameters = cast("Any", typer.main.get_command(app)).params
    options = [one for one in parameters if one.param_type_name == "option" and one.expose_value]
    valued = {name for one in options if not one.is_flag for name in one.opts}
    flags = {name for one in options if one.is_flag for name in one.opts}
    valued -= {"--init", "--template"}  # with these no command is run
    assert set(__main__._WITH_VALUE) == valued
    assert set(__main__._FLAGS) < flags


def by_typer(words: list[str], environ: Mapping[str, str]) -> Request | None:
    """Return what Typer makes of a command line; None where it complains or answers itself."""
    command = cast("Any", typer.main.get_command(app))
    usage_error = cast("type[Exception]", typer.BadParameter.__base__)
    with pytest.MonkeyPatch.context() as patch:
        for name in _VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        try:
            result = command.main(words, prog_name="yprov-run", standalone_mode=False)
        except (usage_error, YprovError):
            return None
    return result if isinstance(result, Request) else None


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(_WORDS, max_size=5).map(lambda groups: [word for group in groups for word in group]),
    st.lists(_VALUES, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(_VARIABLES), st.sampled_from(["", "x", "2", "0"])),
)
def test_whatever_is_read_the_short_way_typer_reads_alike(
    options: list[str], command: list[str], environ: dict[str, str]
) -> None:
    words = [*options, *command]
    read = quick.read(words, environ, Path("/nowhere"))
    if read is not None:
        assert read == by_typer(words, environ)


@pytest.mark.parametrize(
    "words",
    [
        ["true"],
        ["-q", "--no-merge", "srun", "-N", "4", "python", "train.py", "-q"],
        ["--dir", "a", "--name=b", "--interval", "0.5", "--tag", "k=v=w", "-i", "x", "--", "-q"],
        ["--input=a", "-o", "b", "--output", "c", "--dry-run", "--quiet", "x"],
    ],
)
def test_the_usual_command_lines_are_read_the_short_way(words: list[str]) -> None:
    assert quick.read(words, {}, Path("/nowhere")) == by_typer(words, {}) != None  # noqa: E711


def test_settings_files_hold_for_the_short_way_too(tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text(
        "dir: there\ninterval: 5\nmerge: false\nreport: false\nquiet: true\n"
    )
    read = quick.read(["true"], {"YPROV_INTERVAL": "7"}, tmp_path)
    assert read == Request(
        ("true",), Path("there"), None, 7.0, merge=False, report=False, quiet=True
    )
    read = quick.read(["--dir", "here", "true"], {}, tmp_path)
    assert read is not None
    assert (read.base, read.interval_s) == (Path("here"), 5.0)


def test_the_launch_waits_for_no_module_that_it_can_do_without(tmp_path: Path) -> None:
    """Imports are most of what yprov-run costs before the program starts."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(BIN / "yprov-run"), "-q", "--no-merge",
         "--tag", "a=b", "sh", "-c", "echo PROGRAM STARTS >&2"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    before = done.stderr.partition("PROGRAM STARTS")[0]
    loaded = {line.rpartition("|")[2].strip() for line in before.splitlines()}
    assert {"yprov_run.cli.run", "yprov_run.launch.supervise"} <= loaded
    heavy = {"typer", "click", "rich", "yaml", "dataclasses", "inspect", "subprocess", "shutil",
             "argparse", "platform", "typing", "uuid", "asyncio", "socket", "yprov_run.model",
             "yprov_run.merge", "yprov_run.agent", "yprov_run.launchers.srun"}  # fmt: skip
    assert loaded & heavy == set()


def test_every_command_that_a_grammar_knows_is_looked_up() -> None:
    assert launchers.MPI_COMMANDS >= openmpi.COMMANDS | hydra.COMMANDS
    assert others.LAUNCHERS.keys() <= launchers.OTHER_COMMANDS
