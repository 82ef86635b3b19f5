"""What is captured is captured beside the job: bounded, alone, and never in its way."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.slurm import wait_until
from yprov_run.capture import environment as variables
from yprov_run.capture.companion import Companion
from yprov_run.capture.kind import name_missing, run_kinds
from yprov_run.capture.scene import Scene
from yprov_run.jobdir import JobDir, StepDir
from yprov_run.kinds import KINDS, Kind
from yprov_run.merge.captured import read_captured
from yprov_run.merge.restore import restore
from yprov_run.model import Gap


def _scene(folder: Path) -> Scene:
    job = JobDir(folder / "job_1")
    job.steps_dir.mkdir(parents=True)
    return Scene(job=job, step=job.add_step(), argv=("true",), launcher="local", environ={})


def _add_kind(folder: Path, name: str, source: str) -> None:
    """Make a module of a kind that `yprov_run.capture` finds."""
    (folder / f"{name}.py").write_text(textwrap.dedent(source))


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which modules are kinds of capture."""
    import yprov_run.capture

    folder = tmp_path / "kinds"
    folder.mkdir()
    monkeypatch.setattr(yprov_run.capture, "__path__", [*yprov_run.capture.__path__, str(folder)])
    return folder


def test_a_kind_that_hangs_fails_or_dies_leaves_the_others_alone(
    tmp_path: Path, kinds: Path
) -> None:
    _add_kind(kinds, "hanging", "import time\ndef take(scene): time.sleep(600)")
    _add_kind(kinds, "raising", "def take(scene): raise OSError(2, 'gone', '/a/file')")
    _add_kind(kinds, "dying", "import os\ndef take(scene): os.kill(os.getpid(), 9)")
    _add_kind(kinds, "huge", "import dataclasses\n@dataclasses.dataclass\nclass D: text: str\n"
              "def take(scene): return D('x' * 100_000)")  # fmt: skip
    _add_kind(kinds, "inapplicable", "def take(scene): return None")
    table = [
        Kind("hanging", "launch", 0.2), Kind("raising", "launch", 60), Kind("dying", "launch", 60),
        Kind("huge", "launch", 60, 1000), Kind("inapplicable", "launch", 60),
        Kind("environment", "launch", 60), Kind("later", "end", 60),
    ]  # fmt: skip
    scene = _scene(tmp_path)
    run_kinds("launch", scene, table)
    name_missing("launch", scene.step, "not done when the job had ended", table)
    found = {path.stem: json.loads(path.read_text()) for path in scene.step.captured_dir.iterdir()}
    problems = {name: record["problem"] for name, record in found.items() if "problem" in record}
    assert problems == {
        "hanging": "not done within 0.2 s",
        "raising": "FileNotFoundError: [Errno 2] gone: '/a/file'",
        "dying": "not done when the job had ended",
        "huge": "larger than 1000 bytes",
        "inapplicable": "",
        "environment": "",
    }
    assert found["expected"]["kinds"] == [kind.name for kind in table]
    assert found["environment"]["data"]["variables"] == {}


def test_what_was_not_captured_is_a_gap_once_the_step_has_ended(tmp_path: Path) -> None:
    step = _scene(tmp_path).step
    step.captured_dir.mkdir()
    step.expected.write_text(json.dumps({"kinds": ["environment"]}))
    gaps: list[Gap] = []
    step.captured("modules").write_text('{"data": {}}')
    assert len(read_captured(step, "step 0", gaps, is_due=False)) == 1
    assert not gaps
    read_captured(step, "step 0", gaps, is_due=True)
    assert gaps == [Gap("step 0", "environment: not captured")]


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"data": 1}', '{"data": {"variables": {"A": 1, "B": "b"}, "left_out": "x"}}'],
)
def test_a_damaged_capture_is_read_as_far_as_it_goes(tmp_path: Path, damage: str) -> None:
    step = _scene(tmp_path).step
    step.captured_dir.mkdir()
    step.captured("environment").write_text(damage)
    gaps: list[Gap] = []
    (captured,) = read_captured(step, "step 0", gaps, is_due=False)
    assert bool(gaps) == (damage in {"", "{", "[]"})
    if "variables" in damage:
        assert getattr(captured.data, "variables", None) == {"B": "b"}
        assert getattr(captured.data, "left_out", None) == 0


@dataclasses.dataclass(frozen=True)
class _Inner:
    number: int
    ratio: float | None = None


@dataclasses.dataclass(frozen=True)
class _Outer:
    name: str
    flag: bool | None = None
    inner: tuple[_Inner, ...] = ()
    pairs: tuple[tuple[str, int], ...] = ()
    by_name: dict[str, _Inner] = dataclasses.field(default_factory=dict)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    | st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(_Outer)]), inner),
)  # fmt: skip


@given(_JSON)
def test_any_json_restores_to_fields_of_their_types(value: object) -> None:
    outer = restore(_Outer, value)
    assert (outer is not None) == isinstance(value, dict)
    if outer is not None:
        assert isinstance(outer.name, str)
        assert outer.flag in (None, True, False)
        assert all(isinstance(inner.number, int) for inner in outer.inner)
        assert all(isinstance(a, str) and isinstance(b, int) for a, b in outer.pairs)


@given(
    st.builds(
        _Outer, st.text(max_size=9), st.none() | st.booleans(),
        st.lists(st.builds(_Inner, st.integers(-9, 9), st.none() | st.floats(-9, 9))).map(tuple),
        st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9))).map(tuple),
    )
)  # fmt: skip
def test_what_was_written_is_restored(outer: _Outer) -> None:
    assert restore(_Outer, json.loads(json.dumps(dataclasses.asdict(outer)))) == outer


def test_the_companion_has_nothing_of_the_jobs(tmp_path: Path) -> None:
    """Its own session, no streams or files, signals blocked, the lowest priority; it ends."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    said = tmp_path / "said"

    def work() -> None:
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        open_files = [str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (0, 1, 2)]
        facts = [os.getsid(0) == os.getpid(), open_files, os.nice(0), status["Name"].strip(),
                 status["SigBlk"].strip(), len(list(Path("/proc/self/fd").iterdir()))]  # fmt: skip
        said.write_text(json.dumps(facts))

    companion = Companion()
    companion.start(work)
    os.close(writer)
    assert os.read(reader, 1) == b""  # it has closed its end, or the test would wait for ever
    os.close(reader)
    companion.finish(30)
    own_session, streams, nice, name, blocked, count = json.loads(said.read_text())
    assert (own_session, streams, nice, name) == (True, ["/dev/null"] * 3, 19, "yprov-capture")
    assert int(blocked, 16) & (1 << (signal.SIGTERM - 1))
    assert not int(blocked, 16) & (1 << (signal.SIGALRM - 1))
    assert count <= 5  # the streams, /dev/null itself, and the folder being listed


def test_a_companion_that_hangs_is_killed_after_the_job(tmp_path: Path) -> None:
    said = tmp_path / "pid"

    def work() -> None:
        said.write_text(f"{os.getpid()} ")
        while True:
            signal.pause()

    companion = Companion()
    companion.start(work)
    wait_until(lambda: said.exists() and said.read_text().endswith(" "), "the companion's work")
    companion.finish(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)


def test_the_environment_of_a_run_is_in_its_document(tmp_path: Path) -> None:
    env = environment(OMP_NUM_THREADS="3", WANDB_API_KEY="planted-key", UNUSUAL="planted-unusual")
    done = run("yprov-run", "true", cwd=tmp_path, env=env)
    assert done.returncode == 0
    document = documents.load(only_job(tmp_path) / "prov.json")
    (entity,) = documents.of_type(document, "entity", "run:Environment").values()
    found = json.loads(entity["prov:value"])
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["WANDB_API_KEY"] == "<redacted>"
    assert not {"UNUSUAL", "YPROV_JOB_DIR"} & set(found)
    assert float(entity["run:leftOutCount"]["$"]) >= 1
    assert not documents.gaps(document)


def test_a_killed_yprov_run_leaves_what_was_captured_beside_the_job(tmp_path: Path) -> None:
    job = subprocess.Popen(
        ["yprov-run", "sleep", "600"], cwd=tmp_path, env=environment(), start_new_session=True
    )
    step = StepDir(tmp_path / "yprov/sleep_1/record/steps/0")
    last = [kind.name for kind in KINDS if kind.moment == "launch"][-1]
    wait_until(step.captured(last).exists, "the last capture beside the job")
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    assert run("yprov-merge", "-q", "yprov/sleep_1", cwd=tmp_path).returncode == 0
    document = documents.load(tmp_path / "yprov/sleep_1/prov.json")
    assert documents.of_type(document, "entity", "run:Environment")


def test_nothing_of_the_captures_is_imported_before_the_launch(tmp_path: Path) -> None:
    program = (
        "import sys; import yprov_run.cli.run; "
        "print([n for n in sys.modules if n.startswith(('yprov_run.kinds', 'yprov_run.capture.'))])"
    )
    done = run(sys.executable, "-c", program, cwd=tmp_path)
    loaded = set(eval(done.stdout))
    light = {"companion", "identity", "redact"}
    assert loaded <= {f"yprov_run.capture.{name}" for name in light}, loaded


def test_patterns_choose_variables_and_a_star_takes_all() -> None:
    environ = {"SLURM_JOB_ID": "1", "MY_SWITCH": "x", "OTHER": "y", "BASH_FUNC_f%%": "() { }"}
    assert set(variables.select(environ).variables) == {"SLURM_JOB_ID"}
    assert set(variables.select(environ, ["MY_*"]).variables) == {"SLURM_JOB_ID", "MY_SWITCH"}
    assert set(variables.select(environ, ["*"]).variables) == set(environ)
    assert variables.select({"PATH": "x" * 20_000}).cut == ("PATH",)


def test_options_and_settings_keep_more_variables(tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text("env: ['SITE_*']\n")
    env = environment(SITE_A="1", MINE_B="2", OTHER_C="3", OTHER_PASSWORD="planted-secret")
    site = {"SITE_A", "MINE_B"}
    everything = {*site, "OTHER_C", "OTHER_PASSWORD"}
    for pattern, kept in (("MINE_*", site), ("all", everything)):
        assert (
            run("yprov-run", "-q", "--env", pattern, "true", cwd=tmp_path, env=env).returncode == 0
        )
        last = max((tmp_path / "yprov").iterdir(), key=lambda path: path.name)
        text = (last / "record/steps/0/captured/environment.json").read_text()
        found = set(json.loads(text)["data"]["variables"])
        assert found & everything == kept
        assert "planted-secret" not in text


def test_where_capture_is_off_only_named_files_are_recorded_and_the_document_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "data.csv").write_text("1\n")
    make = "cat data.csv >named.txt; cp data.csv other.txt"
    done = run("yprov-run", "--no-capture", "-o", "named.txt", "sh", "-c", make, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    job = only_job(tmp_path)
    assert not (job / "record/steps/0/captured").exists()
    document = documents.load(job / "prov.json")
    (output,) = documents.of_type(document, "entity", "run:File").values()
    assert Path(output["prov:location"]).name == "named.txt"
    assert documents.gaps(document) == [
        "step 0: code, software, environment and unnamed files are not captured, as asked"
    ]
