"""Records of the job's own program: each rank's once, nothing lost, linked to who wrote them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.records import Shape, write_record
from yprov_run.cli.fold import fold
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir
from yprov_run.merge.embedded.collect import Embedded
from yprov_run.merge.read import read_job
from yprov_run.model import Json
from yprov_run.provenance.embedded import add_embedded
from yprov_run.provenance.records import Records

SAMPLE = Path(__file__).parent / "data/yprov4ml"
RELATIONS = ("used", "wasGeneratedBy", "wasDerivedFrom", "wasInformedBy", "wasAssociatedWith")


def _job_that(script: str, folder: Path) -> documents.Document:
    done = run("yprov-run", "-q", "sh", "-c", script, cwd=folder)
    assert done.returncode == 0, done.stderr
    return documents.load(only_job(folder) / "prov.json")


def _write(document: dict[str, Any] | str, folder: Path) -> documents.Document:
    """Run a job that leaves one document of yProv4ML, and return the job's."""
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "source.txt").write_text(text)
    return _job_that("mkdir -p prov/x_0; cp source.txt prov/x_0/prov_x_GR0_0.json", folder)


def _under(document: documents.Document, kind: str, base: str) -> dict[str, documents.Document]:
    return {key: value for key, value in document[kind].items() if f"{base}/" in key}


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    shutil.copytree(SAMPLE, folder / "kept")
    _job_that("mkdir prov; cp -r kept/sample_0 prov; rm -r kept", folder)
    return folder


def test_two_ranks_fold_in_with_every_record_counted(two_ranks: Path) -> None:
    document = documents.load(only_job(two_ranks) / "prov.json")
    for rank in (0, 1):
        base = f"ml/prov_sample_GR{rank}_0"
        original = json.loads((SAMPLE / f"sample_0/prov_sample_GR{rank}_0.json").read_text())
        for kind in ("entity", "activity", "agent"):
            assert len(_under(document, kind, base)) == len(original[kind]), kind
        links = {"wasInformedBy": 1}  # the run, to what wrote it
        for kind in RELATIONS:
            found = [key for key in document[kind] if base in key.split("/", 1)[1]]
            own = 1 if kind == "wasGeneratedBy" else links.get(kind, 0)
            assert len(found) == len(original[kind]) + own, kind
        (file,) = [e for k, e in document["entity"].items() if k == base]
        count = sum(len(records) for kind, records in original.items() if kind != "prefix")
        assert documents.plain(file)["run:recordCount"] == count


def test_parameters_metrics_and_models_say_what_they_said(two_ranks: Path) -> None:
    document = documents.load(only_job(two_ranks) / "prov.json")
    for rank in (0, 1):
        entities = _under(document, "entity", f"ml/prov_sample_GR{rank}_0").values()
        values = {e["prov:label"]: e.get("prov:value") for e in entities}
        assert (values["lr"], values["epochs"]) == ("0.1", "3")
        metrics = [e for e in entities if e.get("prov:type") == "provml:Metric"]
        assert len(metrics) == 18
        for metric in metrics:
            # A getter of the family opens this very path.
            assert (two_ranks / metric["dcterms:identifier"]).is_file()
        assert [e for e in entities if e.get("prov:type") == "provml:Model"]


def test_merged_where_the_programs_folders_are_not_it_is_the_same(
    two_ranks: Path, tmp_path: Path
) -> None:
    job = Path(shutil.copytree(only_job(two_ranks), tmp_path / only_job(two_ranks).name))
    before = (job / "prov.json").read_bytes()
    shutil.move(two_ranks / "prov", tmp_path / "away")
    try:
        fold(JobDir(job))
    finally:
        shutil.move(tmp_path / "away", two_ranks / "prov")
    assert (job / "prov.json").read_bytes() == before


def test_the_run_is_part_of_the_task_that_wrote_it(two_ranks: Path) -> None:
    document = documents.load(only_job(two_ranks) / "prov.json")
    root = document["activity"]["ml/prov_sample_GR0_0/sample_GR0_0"]
    task = document["activity"][root["dcterms:isPartOf"]]
    assert task["prov:type"] == "run:Task"
    assert document["activity"][task["dcterms:isPartOf"]]["prov:type"] == "run:NodeExecution"


def test_a_document_from_before_the_job_is_not_the_jobs(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "prov")
    for path in tmp_path.rglob("*.json"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    document = _job_that("true", tmp_path)
    assert documents.of_type(document, "entity", "run:EmbeddedDocument") == {}


def _sweep(place: Path, *folders: str) -> JobDir:
    """Run a step of one job in each folder, each of which leaves documents of the same names."""
    env = environment(
        SLURM_JOB_ID="4711", SLURM_JOB_NAME="sweep", YPROV_DIR=str(place / "jobs")
    )  # fmt: skip
    script = (
        "mkdir -p prov/exp_0 run; cp source.txt prov/exp_0/prov_exp_GR0_0.json;"
        "echo run_id: $PWD > run/meta.yaml"
    )
    for name in folders:
        (place / name).mkdir(parents=True, exist_ok=True)
        text = json.dumps(OLD).replace('"prov:label": 5', f'"prov:label": "{name}"')
        (place / name / "source.txt").write_text(text)
        done = run("yprov-run", "-q", "sh", "-c", script, cwd=place / name, env=env)
        assert done.returncode == 0, done.stderr
    return JobDir(place / "jobs/sweep_4711")


def test_copies_are_neither_read_nor_written_through_a_link(
    two_ranks: Path, tmp_path: Path
) -> None:
    job = JobDir(Path(shutil.copytree(only_job(two_ranks), tmp_path / "job_1")))
    folder = job.artifacts / "embedded"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(YprovError, match="embedded: cannot write: it is a link"):
        fold(job)


def _copies(job: JobDir) -> list[str]:
    folder = job.artifacts / "embedded"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))


@pytest.mark.parametrize("folders", [("a", "b"), ("a", "."), ("a/b", "a"), ("a", "b/a")])
def test_documents_of_one_name_below_two_steps_folders_are_both_there(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    job = _sweep(tmp_path, *folders)
    first = job.document.read_bytes()
    document = documents.load(job.document)
    found = documents.of_type(document, "entity", "run:EmbeddedDocument")
    assert len(found) == 4
    steps = {r["prov:entity"]: r["prov:activity"] for r in document["wasGeneratedBy"].values()}
    assert len({steps[name] for name in found}) == 2
    for name in folders:
        assert [e for e in document["entity"].values() if e.get("prov:label") == name]
    copies = _copies(job)
    assert "prov/exp_0/prov_exp_GR0_0.json" in copies  # the first step's, as with one step
    fold(job)
    assert (job.document.read_bytes(), _copies(job)) == (first, copies)


def _embedded(job: JobDir) -> set[str]:
    document = documents.load(job.document)
    return set(documents.of_type(document, "entity", "run:EmbeddedDocument"))


def test_a_further_step_elsewhere_changes_no_name_of_the_documents_before(tmp_path: Path) -> None:
    job = _sweep(tmp_path, "b/c/first", "b/c/second")
    copies, names = _copies(job), _embedded(job)
    assert len(copies) == len(names) == 4
    _sweep(tmp_path, "b")
    assert len(_copies(job)) == len(_embedded(job)) == 6
    assert set(copies) < set(_copies(job))
    assert names < _embedded(job)


OLD = {
    "prefix": {"yprov": "yProv4ML", "default": "x", "user": "http://example.org/"},
    "agent": {"user:me": {}},
    "activity": {
        "x_0": {
            "yprov:experiment_name": {"$": "x", "type": "xsd:string"},
            "yprov:global_rank": {"$": 0, "type": "xsd:int"},
            "yprov:time_zone": "UTC+0200",
            "prov:startedAtTime": "2026-01-01T02:00:00.5^^xsd:dateTime",
            "prov:endedAtTime": {"$": "2026-01-01T02:00:09", "type": "xsd:dateTime"},
        },
        "train/x_0": {},
    },
    "entity": {
        "lr/x_0": {"prov:type": {"$": "provml:Parameter", "type": "xsd:QName"},
                   "prov:value": {"$": 0.1, "type": "xsd:double"}, "prov:label": 5,
                   "user:when": "{'a': 1}", "yprov:n": 3_000_000_000},
        "x_0": {"prov:type": ["a", "b"]},
    },
    "used": {"_:id1": [{"prov:activity": "x_0", "prov:entity": "lr/x_0"},
                       {"prov:activity": "train/x_0", "prov:entity": "lr/x_0"}]},
    "wasInformedBy": {"_:id2": {"prov:informed": "train/x_0", "prov:informant": "x_0"}},
    "wasAssociatedWith": {"_:id3": {"prov:activity": "x_0", "prov:agent": "user:me"}},
}  # fmt: skip


def test_an_older_dialect_is_read_typed_values_and_all(tmp_path: Path) -> None:
    document = _write(OLD, tmp_path)
    (key,) = [k for k in document["entity"] if "/lr_x_0" in k]
    parameter = document["entity"][key]
    assert parameter["prov:type"] == "provml:Parameter"
    assert (parameter["prov:value"], parameter["prov:label"]) == ("0.1", "5")
    assert parameter["yprov:n"] == {"$": "3000000000", "type": "xsd:long"}
    assert parameter["user:when"] == "{'a': 1}"
    assert document["prefix"]["user"] == "http://example.org/"
    run_of_it = document["activity"]["ml/prov_x_GR0_0/activity.x_0"]
    assert run_of_it["prov:startTime"] == "2026-01-01T00:00:00.500+00:00"
    assert run_of_it["prov:endedAtTime"] == "2026-01-01T00:00:09.000+00:00"
    assert document["entity"]["ml/prov_x_GR0_0/x_0"]["prov:type"] == "a, b"
    assert len([k for k in document["used"] if "ml/prov_x_GR0_0/" in k]) == 2


BROKEN = {
    "prefix": {"yprov": "https://github.com/HPCI-Lab/yProv4ML"},
    "activity": {"a": {"prov:startedAtTime": "2026-01-01T00:00:05",
                       "prov:endedAtTime": "2026-01-01T00:00:01"}, "b": "text", "c": {}},
    "entity": {"e": {"x": None, "bad name": "v", "nan": float("nan"), "\u0000": "\u0001"}},
    "used": {"_:1": {"prov:activity": "a", "prov:entity": "nowhere"}, "_:2": {"prov:entity": "e"}},
    "wasGeneratedBy": {"_:3": {"prov:entity": "e", "prov:activity": "a"},
                       "_:4": {"prov:entity": "e", "prov:activity": "c"}},
    "wasDerivedFrom": {"_:5": {"prov:generatedEntity": "e", "prov:usedEntity": "e"}},
    "bundle": {"x": {"entity": {"inner": {}}}},
    "strange": 5,
}  # fmt: skip


def test_of_a_broken_document_everything_is_kept_and_what_is_not_valid_is_named(
    tmp_path: Path,
) -> None:
    document = _write(BROKEN, tmp_path)
    base = "ml/prov_x_GR0_0"
    refused = documents.of_type(document, "entity", "run:RefusedRecord")
    assert sorted(r["run:note"] for r in refused.values()) == [
        "ml/prov_x_GR0_0/e was generated already",
        "of a thing to itself",
        "without its prov:activity",
    ]
    assert document["entity"][f"{base}/nowhere"]["run:note"] == "named, and nowhere described"
    assert "neither is taken" in document["activity"][f"{base}/a"]["run:note"]
    assert f"{base}/inner" in document["entity"]


@pytest.mark.parametrize("text", ['{"prefix": {"yprov": "yProv4ML', '"yProv4ML"', "yProv4ML" * 9])
def test_a_torn_document_is_a_file_and_a_gap(text: str, tmp_path: Path) -> None:
    document = _write(text, tmp_path)
    assert [gap for gap in documents.gaps(document) if "not a JSON object" in gap]
    assert document["entity"]["ml/prov_x_GR0_0"]["prov:type"] == "run:EmbeddedDocument"


@pytest.mark.parametrize("depth", [20, 600, 900])
@pytest.mark.parametrize("name", ["prov:type", "yprov:list", "prov:value", "yprov:global_rank"])
def test_a_value_nested_deep_costs_no_other(name: str, depth: int, tmp_path: Path) -> None:
    text = json.dumps(OLD).replace('"train/x_0": {}', f'"train/x_0": {{"{name}": "here"}}')
    document = _write(text.replace('"here"', "[" * depth + '"core"' + "]" * depth), tmp_path)
    (found,) = [a for key, a in document["activity"].items() if "/train_x_0" in key]
    assert "core" in found[name] or "nested too deep" in found[name]
    assert found["prov:label"] == "train/x_0"


def test_a_document_that_cannot_be_taken_apart_stands_in_its_file_and_costs_no_other(
    tmp_path: Path,
) -> None:
    def embedded(name: str, value: object) -> Embedded:
        content: Json = {"entity": {"e": {"yprov:n": 5}, "f": {"yprov:n": value}}}
        return Embedded("yprov4ml", name, f"artifacts_GR0/embedded/{name}", 9, "0" * 64, 0, content)

    records = Records({})
    # More digits than Python turns into a text.
    found = [embedded("a.json", 10**5_000), embedded("b.json", 7)]
    job = read_job(write_record(tmp_path, Shape(nodes=1, gpus=0, seconds=2)))
    add_embedded(records, job, found)
    entities = records.as_json()["entity"]
    assert entities["ml/a"]["run:note"].endswith("it stands in its file only")
    assert "ValueError" in entities["ml/a"]["run:note"]
    assert sorted(entities) == ["ml/a", "ml/b", "ml/b/e", "ml/b/f"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["x_0", "train/x_0", "lr/x_0", "2026-01-01T00:00:00", "^^xsd:int"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["$", "type", "a", "prov:entity", "prov:activity"]), inner),
    max_leaves=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    folder = tmp_path_factory.mktemp("old")
    _write(OLD, folder)
    shutil.rmtree(folder / "prov")
    return JobDir(only_job(folder))


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_value_in_an_embedded_document_is_a_crash_or_makes_ours_invalid(
    data: st.DataObject, old: JobDir
) -> None:
    document: dict[str, Any] = json.loads(json.dumps(OLD))
    kind = data.draw(st.sampled_from(sorted(document)))
    if data.draw(st.booleans()):
        document[kind] = data.draw(_VALUES)
    else:
        identifier = data.draw(st.sampled_from(sorted(document[kind])))
        name = data.draw(st.sampled_from(["prov:activity", "prov:startTime", "prov:type", "é x"]))
        document[kind][identifier] = {name: data.draw(_VALUES)}
    (copy,) = (old.artifacts / "embedded").rglob("*.json")
    copy.write_text(json.dumps({**document, "marks": "yProv4ML"}))
    fold(old, with_report=False)
    documents.load(old.document)


MLFLOW = """
import os, time
run = "mlruns/0/" + "ab" * 16
for folder in ("params", "metrics/train", "tags", "artifacts"):
    os.makedirs(f"{run}/{folder}")
now = int(time.time() * 1000)
open(f"{run}/meta.yaml", "w").write(
    f"artifact_uri: file:///x\\nend_time: {now + 9}\\nexperiment_id: '0'\\nrun_id: {'ab' * 16}\\n"
    f"run_name: brave-owl-1\\nstart_time: {now}\\nstatus: 3\\nuser_id: me\\n")
open(f"{run}/params/lr", "w").write("0.1")
open(f"{run}/tags/mlflow.user", "w").write("me")
with open(f"{run}/metrics/train/loss", "w") as stream:
    for step, value in enumerate((0.5, "nan", 0.25, "torn")):
        stream.write(f"{now + step} {value} {step}\\n")
"""


@pytest.mark.parametrize(
    "value", ["!!bool perhaps", "!!timestamp soon", "!!int ''", "!!float ''", "9" * 5_000, "*a",
              "[" * 600 + "]" * 600, "0001-01-01 00:00:00 +23:59", "{[]: 1}", "9" * 4_000],
)  # fmt: skip
def test_a_description_that_is_no_runs_costs_nothing_else(value: str, tmp_path: Path) -> None:
    (tmp_path / "meta.txt").write_text(f"run_id: ab\nstart_time: 5\nend_time: {value}\n")
    document = _job_that("mkdir -p run; cp meta.txt run/meta.yaml", tmp_path)
    assert documents.job(document)["run:state"] == "completed"


def test_a_run_in_mlflows_file_store_folds_in(tmp_path: Path) -> None:
    (tmp_path / "log.py").write_text(MLFLOW)
    document = _job_that("python3 log.py", tmp_path)
    (found,) = documents.of_type(document, "activity", "run:MlflowRun").values()
    assert (found["prov:label"], found["run:mlflowStatus"]) == ("brave-owl-1", "FINISHED")
    assert json.loads(found["run:tags"]) == {"mlflow.user": "me"}
    (metric,) = documents.of_type(document, "entity", "run:MlflowMetric").values()
    figures = documents.plain(metric)
    assert figures["prov:label"] == "train/loss"
    assert [figures[f"run:{name}"] for name in ("pointCount", "firstValue", "lastValue")] == [
        3, 0.5, 0.25,
    ]  # fmt: skip
    (parameter,) = documents.of_type(document, "entity", "provml:HyperParameter").values()
    assert (parameter["prov:label"], parameter["prov:value"]) == ("lr", "0.1")
