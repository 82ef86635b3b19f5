"""A record that anything may have happened to: a document that names it, or one clear line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.records import Shape, write_record
from tests.support.slurm import wait_until
from yprov_run.cli.fold import fold
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir
from yprov_run.provenance.rules.sidefiles import check_side_files


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    """Return a job directory with a whole record of three seconds on two GPUs."""
    folder = tmp_path_factory.mktemp("recorded")
    env = environment(LD_LIBRARY_PATH=str(fake_nvml))
    run("yprov-run", "--interval", "0.2", "sleep", "2", cwd=folder, env=env)
    return only_job(folder)


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> JobDir:
    """Return a copy of the record to be damaged."""
    return JobDir(Path(shutil.copytree(recorded, tmp_path / recorded.name)))


def _nodes(job: JobDir, suffix: str) -> Path:
    (found,) = (job.steps_dir / "0" / "nodes").glob(f"*{suffix}")
    return found


def _merged(job: JobDir) -> documents.Document:
    fold(job)
    first = job.document.read_bytes()
    fold(job)
    assert job.document.read_bytes() == first
    return documents.load(job.document)


def test_merging_again_gives_the_same_bytes(copy: JobDir) -> None:
    before = copy.document.read_bytes()
    assert documents.gaps(_merged(copy)) == []
    assert copy.document.read_bytes() == before


def test_figures_rebuilt_from_samples_are_those_of_the_agent(copy: JobDir) -> None:
    whole = documents.job(documents.load(copy.document))
    events = _nodes(copy, ".events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"event":"end"' not in line))
    rebuilt = documents.job(_merged(copy))
    for name in ("run:meanPower", "run:maxPower", "run:meanUtilisation"):
        assert rebuilt[name] == pytest.approx(whole[name], rel=0.02)
    # Only the whole trace tells the counter's update after the end, and only the rebuilt one takes
    # its end from yprov-run: each says how far off it may be for that.
    apart = abs(rebuilt["run:energy"] - whole["run:energy"])
    assert apart <= rebuilt["run:energyBound"] + whole["run:energyBound"]
    assert whole["run:energyBound"] < 0.5 * whole["run:energy"]
    assert rebuilt["run:maxPower"] == whole["run:maxPower"]


def test_torn_and_garbage_samples_are_counted_and_the_rest_is_used(copy: JobDir) -> None:
    events = _nodes(copy, ".events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"event":"end"' not in line))
    samples = _nodes(copy, ".samples.csv")
    with samples.open("ab") as stream:
        stream.write(b"\x00\xff garbage\n1,2\n" + b"9" * 5000 + b",1,2\n12,3")
    document = json.loads((fold(copy), copy.document.read_text())[1])
    assert [gap for gap in documents.gaps(document) if "3 damaged lines in its samples" in gap]
    assert documents.job(document)["run:gpuCount"] == 2


def test_samples_that_were_lost_or_cut_after_the_end_are_named_and_the_figures_stand(
    copy: JobDir,
) -> None:
    energy = documents.job(documents.load(copy.document))["run:energy"]
    samples = _nodes(copy, ".samples.csv")
    samples.write_bytes(samples.read_bytes()[:-100])
    document = _merged(copy)
    assert [gap for gap in documents.gaps(document) if "no whole curves" in gap]
    assert documents.job(document)["run:energy"] == energy
    samples.unlink()
    document = _merged(copy)
    assert [gap for gap in documents.gaps(document) if "its samples are lost" in gap]
    assert documents.job(document)["run:energy"] == energy


@pytest.mark.parametrize(("shift_ms", "side"), [(3_600_000, "ahead of"), (-3_600_000, "behind")])
def test_a_node_whose_clock_is_wrong_is_named_and_its_energy_stands(
    shift_ms: int, side: str, copy: JobDir
) -> None:
    energy = documents.job(documents.load(copy.document))["run:energy"]
    events = _nodes(copy, ".events.jsonl")
    first, *rest = events.read_text().splitlines(keepends=True)
    node = json.loads(first)
    node["utc_ms_at_zero"] += shift_ms
    events.write_text("".join([json.dumps(node) + "\n", *rest]))
    document = _merged(copy)
    assert [gap for gap in documents.gaps(document) if f"s {side} the launching host" in gap]
    assert documents.job(document)["run:energy"] == energy
    (node,) = documents.of_type(document, "activity", "run:NodeExecution").values()
    assert documents.plain(node)["run:clockOffset"] == pytest.approx(shift_ms / 1000, abs=3)
    step = document["activity"]["step/0"]
    for name in ("prov:startTime", "prov:endTime"):
        times = [datetime.fromisoformat(each[name]) for each in (step, node)]
        assert abs(times[1] - times[0]) < timedelta(seconds=3)


def test_an_agent_that_could_make_its_files_but_not_write_is_named(copy: JobDir) -> None:
    for suffix in (".events.jsonl", ".samples.csv"):
        _nodes(copy, suffix).write_bytes(b"")
    assert any("its events are empty" in gap for gap in documents.gaps(_merged(copy)))


def test_an_end_before_the_start_is_named_and_the_nodes_say_when_it_was(copy: JobDir) -> None:
    path = copy.steps_dir / "0" / "end.json"
    ended = documents.job(documents.load(copy.document))["prov:endTime"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended_ms": 0}))
    document = _merged(copy)
    assert any("before its start" in gap for gap in documents.gaps(document))
    seen = datetime.fromisoformat(documents.job(document)["prov:endTime"])
    assert abs(seen - datetime.fromisoformat(ended)) < timedelta(seconds=5)


def test_torn_and_garbage_events_are_named(copy: JobDir) -> None:
    events = _nodes(copy, ".events.jsonl")
    with events.open("ab") as stream:
        stream.write(b'garbage\n{"event":5}\n[1]\n{"event":"gap","what')
    assert [gap for gap in documents.gaps(_merged(copy)) if "3 damaged lines in its events" in gap]


@pytest.mark.parametrize("name", ["job.json", "steps/0/step.json", "steps/0/end.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_of_the_record_is_named(name: str, content: bytes, copy: JobDir) -> None:
    (copy.record / name).write_bytes(content)
    gaps = documents.gaps(_merged(copy))
    assert [gap for gap in gaps if name.rpartition("/")[2] in gap]


def _change(job: JobDir, kind: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the node's agent said in every event of one kind."""
    path = _nodes(job, ".events.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        if event["event"] == kind:
            change(event)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


NO_NUMBERS = ["²", "٣", "9" * 5_000, "-1", ""]


@pytest.mark.parametrize("word", NO_NUMBERS)
@pytest.mark.parametrize(
    ("launcher", "name"),
    [
        ("srun", "SLURM_STEP_NUM_TASKS"),
        ("mpirun", "OMPI_COMM_WORLD_SIZE"),
        ("srun", "SLURM_NODEID"),
    ],
)
def test_a_word_that_is_no_number_stands_for_none(
    launcher: str, name: str, word: str, copy: JobDir
) -> None:
    step = copy.steps_dir / "0" / "step.json"
    step.write_text(json.dumps(json.loads(step.read_text()) | {"launcher": launcher}))
    _change(copy, "node", lambda event: event["environment"].update({name: word}))
    document = _merged(copy)
    assert documents.job(document)["run:state"] == "completed"
    assert not [gap for gap in documents.gaps(document) if "announced themselves" in gap]


def test_that_nvidias_library_is_not_there_is_no_gap_beside_gpus_of_another_maker(
    copy: JobDir,
) -> None:
    def is_amds(event: dict[str, Any]) -> None:
        for device in event["devices"]:
            device["source"] = "amdgpu"

    said = {"event": "gap", "time_ms": 1, "what": "nvml: no libnvidia-ml.so.1: no such file"}
    with _nodes(copy, ".events.jsonl").open("a") as events:
        events.write(json.dumps(said) + "\n")
    assert [gap for gap in documents.gaps(_merged(copy)) if "libnvidia" in gap]
    _change(copy, "columns", is_amds)
    assert not [gap for gap in documents.gaps(_merged(copy)) if "libnvidia" in gap]


@pytest.mark.parametrize("index", NO_NUMBERS)
def test_updates_of_a_counter_that_has_no_number_are_left_out(index: str, copy: JobDir) -> None:
    def change(event: dict[str, Any]) -> None:
        event["longest_ms"] = {**event["longest_ms"], index: 20}

    before = documents.job(documents.load(copy.document))["run:energyBound"]
    _change(copy, "updates", change)
    assert documents.job(_merged(copy))["run:energyBound"] == before


@pytest.mark.parametrize("figure", [10**400, -(10**400), 1 << 63, 10**300])
@pytest.mark.parametrize("place", range(11))
def test_a_figure_beyond_reason_costs_its_column_only(
    place: int, figure: int, copy: JobDir
) -> None:
    def change(event: dict[str, Any]) -> None:
        event["reduction"]["columns"]["gpu0_power_dw"][place] = figure

    whole = documents.job(documents.load(copy.document))
    _change(copy, "end", change)
    job = documents.job(_merged(copy))
    assert job["run:maxUtilisation"] == whole["run:maxUtilisation"]
    assert job["run:gpuCount"] == 2


@pytest.mark.parametrize("depth", [600, 900])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("kind", ["node", "hardware", "end"])
def test_what_is_nested_deep_in_an_event_is_no_crash(
    kind: str, opening: str, closing: str, depth: int, copy: JobDir
) -> None:
    _change(copy, kind, lambda event: event.update({"environment": "here", "extra": "here"}))
    events = _nodes(copy, ".events.jsonl")
    nested = f"{opening * depth}5{closing * depth}"
    events.write_text(events.read_text().replace('"here"', nested))
    assert documents.job(_merged(copy))["run:state"] == "completed"


def test_a_column_of_a_device_beyond_reason_is_none_of_ours(copy: JobDir) -> None:
    def change(event: dict[str, Any]) -> None:
        event["columns"][-1][2] = 10**400

    _change(copy, "columns", change)
    assert documents.job(_merged(copy))["run:state"] == "completed"


def test_a_job_keeps_its_identifier_where_its_own_file_is_damaged_and_its_folder_renamed(
    copy: JobDir,
) -> None:
    copy.job_file.write_text("{")
    before = _merged(copy)["prefix"]["default"]
    renamed = JobDir(copy.path.rename(copy.path.with_name("renamed_1")))
    assert _merged(renamed)["prefix"]["default"] == before


def test_a_job_of_which_no_step_is_left_has_a_document_too(copy: JobDir) -> None:
    shutil.rmtree(copy.steps_dir)
    document = _merged(copy)
    assert documents.job(document)["run:stateReason"] == "no step was launched"
    assert document["entity"]["execution_command"]["prov:value"] == ""


def test_a_newer_schema_is_read_as_far_as_it_is_known(copy: JobDir) -> None:
    record = json.loads(copy.job_file.read_text())
    copy.job_file.write_text(json.dumps({**record, "schema": 99, "new": {"x": [1]}}))
    document = _merged(copy)
    assert [gap for gap in documents.gaps(document) if "newer version" in gap]
    assert documents.job(document)["run:state"] == "completed"


def test_an_exit_status_that_cannot_be_makes_no_invalid_document(copy: JobDir) -> None:
    path = copy.steps_dir / "0/end.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"exit_status": 1 << 31}))
    assert documents.job(_merged(copy))["run:exitStatus"] == 1 << 31


def test_a_missing_end_is_unknown_or_what_the_agents_saw(copy: JobDir) -> None:
    (copy.steps_dir / "0" / "end.json").unlink()
    job = documents.job(_merged(copy))
    assert (job["run:state"], job["run:stateSource"]) == ("completed", "node agents")
    events = _nodes(copy, ".events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"event":"end"' not in line))
    job = documents.job(_merged(copy))
    assert (job["run:state"], job["run:stateSource"]) == ("unknown", "none")


@pytest.mark.parametrize("what", ["not ours", "empty", "empty record"])
def test_a_directory_without_a_record_is_one_clear_line(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "some_1"
    folder.mkdir()
    if what == "not ours":
        (folder / "prov.json").write_text("{}")
    if what == "empty record":
        (folder / "record").mkdir()
    done = run("yprov-merge", str(folder), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert str(folder).encode() in done.stderr


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_value_of_any_type_in_any_field_is_a_crash(data: st.DataObject, copy: JobDir) -> None:
    name = data.draw(st.sampled_from(["job.json", "steps/0/step.json", "steps/0/end.json"]))
    path = copy.record / name
    original = path.read_bytes()
    record = json.loads(original)
    field = data.draw(st.sampled_from(sorted(record)))
    path.write_text(json.dumps({**record, field: data.draw(_VALUES)}))
    try:
        fold(copy)
        documents.load(copy.document)
    finally:
        path.write_bytes(original)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_value_of_any_type_in_any_event_is_a_crash(data: st.DataObject, copy: JobDir) -> None:
    path = _nodes(copy, ".events.jsonl")
    original = path.read_text()
    events = [json.loads(line) for line in original.splitlines()]
    event = data.draw(st.sampled_from(events))
    field = data.draw(st.sampled_from(sorted(event)))
    event[field] = data.draw(_VALUES)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    try:
        fold(copy)
        json.loads(copy.document.read_text())
    finally:
        path.write_text(original)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".tasks", ".events.jsonl"]))
def test_no_bytes_in_a_nodes_files_are_a_crash(content: bytes, suffix: str, copy: JobDir) -> None:
    path = _nodes(copy, suffix)
    original = path.read_bytes()
    path.write_bytes(original[: len(original) // 2] + content)
    try:
        fold(copy)
        json.loads(copy.document.read_text())
    finally:
        path.write_bytes(original)


def test_everything_killed_at_once_loses_at_most_five_seconds(
    tmp_path: Path, fake_nvml: Path
) -> None:
    process = subprocess.Popen(
        ["yprov-run", "sleep", "60"],
        cwd=tmp_path, env=environment(LD_LIBRARY_PATH=str(fake_nvml)), start_new_session=True,
    )  # fmt: skip
    nodes = "yprov/sleep_1/record/steps/0/nodes"

    def sampled() -> bool:
        files = list(tmp_path.glob(f"{nodes}/*.samples.csv"))
        return bool(files) and files[0].read_bytes().count(b"\n") > 4

    wait_until(sampled, "samples", 20)
    os.killpg(process.pid, signal.SIGKILL)
    subprocess.run(["pkill", "-KILL", "-f", f"{tmp_path}.*yprov_run"], check=False)
    process.wait()
    done = run("yprov-merge", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    assert job["run:state"] in {"unknown", "killed"}
    assert job["run:gpuCount"] == 2


def test_a_running_job_can_be_merged_and_says_that_it_runs(tmp_path: Path) -> None:
    with subprocess.Popen(
        ["yprov-run", "-q", "cat"], cwd=tmp_path, env=environment(), stdin=subprocess.PIPE
    ):
        step = tmp_path / "yprov/cat_1/record/steps/0/step.json"
        wait_until(step.exists, "the step", 20)
        assert run("yprov-merge", "1", cwd=tmp_path).returncode == 0
        job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
        assert job["run:state"] == "running"
        assert not documents.gaps(documents.load(only_job(tmp_path) / "prov.json"))
        shown = run("yprov-inspect", "show", "1", cwd=tmp_path).stdout
        assert b"1 task\n" in shown
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    assert job["run:state"] == "completed"


def test_samples_that_a_running_job_has_written_since_are_no_fault(copy: JobDir) -> None:
    (copy.steps_dir / "0/end.json").unlink()
    events = _nodes(copy, ".events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"event":"end"' not in line))
    document = _merged(copy)
    samples = _nodes(copy, ".samples.csv")
    with samples.open("a") as stream:
        stream.write("99999,1\n")
    (fault,) = check_side_files(document, copy.path, lambda share: None)
    assert "bytes, the document says" in fault.words
    document["activity"]["job"]["run:state"] = "running"
    assert list(check_side_files(document, copy.path, lambda share: None)) == []
    samples.write_bytes(b"x" + samples.read_bytes()[1:])
    (fault,) = check_side_files(document, copy.path, lambda share: None)
    assert "another checksum" in fault.words


def test_a_folder_that_refuses_the_document_is_one_clear_line(copy: JobDir) -> None:
    copy.document.unlink()
    copy.document.mkdir()
    (copy.document / "x").touch()
    with pytest.raises(YprovError, match="cannot write"):
        fold(copy)


def test_the_peak_of_power_is_not_below_its_mean(tmp_path: Path) -> None:
    shape = Shape(nodes=1, gpus=1, seconds=3, load=lambda node, gpu, time_s: (300.0, 0.5, 1.0))
    job = write_record(tmp_path, shape)
    # As a driver that tells momentary power, but in a short job only when it is low again.
    for suffix in (".events.jsonl", ".samples.csv"):
        path = _nodes(job, suffix)
        text = path.read_text().replace("gpu_temperature", "gpu_power_instant")
        path.write_text(text.replace("temperature_celsius", "power_instant_dw"))
    fold(job)
    document = json.loads(job.document.read_text())
    (use,) = (use for use in document["used"].values() if "run:meanPower" in use)
    for figures in (documents.job(document), documents.plain(use)):
        assert (figures["run:meanPower"], figures["run:maxPower"]) == (300, 300)
