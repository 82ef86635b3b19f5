"""Documents of the job's own program as they are: broken ones too, and what is not kept is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import documents
from tests.support.commands import only_job, run

BASE = "ml/prov_x_GR0_0"


def _merged(document: dict[str, Any] | str, folder: Path) -> documents.Document:
    """Run a job that leaves a document of yProv4ML, and return the job's, which must be valid."""
    text = document if isinstance(document, str) else json.dumps({**document, "of": "yProv4ML"})
    (folder / "source.txt").write_text(text)
    done = run("yprov-run", "-q", "cp", "source.txt", "prov_x_GR0_0.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return documents.load(only_job(folder) / "prov.json")


def _note(document: documents.Document) -> str:
    return str(document["entity"][BASE].get("run:note", ""))


def _refused(document: documents.Document) -> list[tuple[str, str]]:
    found = documents.of_type(document, "entity", "run:RefusedRecord").values()
    return sorted((each["prov:label"], each["run:note"]) for each in found)


def test_the_record_that_closes_a_circle_is_refused_and_no_other(tmp_path: Path) -> None:
    derived = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]
    special = [("a", "b"), ("b", "a")]
    document = _merged(
        {
            "wasDerivedFrom": {
                f"_:{number}": {"prov:generatedEntity": one, "prov:usedEntity": other}
                for number, (one, other) in enumerate(derived)
            },
            "specializationOf": {
                f"_:s{number}": {"prov:specificEntity": one, "prov:generalEntity": other}
                for number, (one, other) in enumerate(special)
            },
        },
        tmp_path,
    )
    assert _refused(document) == [
        ("specializationOf", "it closes a circle"),
        ("wasDerivedFrom", "it closes a circle"),
    ]
    assert sorted(
        (each["prov:generatedEntity"][-1], each["prov:usedEntity"][-1])
        for key, each in document["wasDerivedFrom"].items()
        if BASE in key
    ) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_an_event_that_can_be_once_is_taken_once(tmp_path: Path) -> None:
    document = _merged(
        {
            "wasInvalidatedBy": {
                "_:1": {"prov:entity": "e", "prov:activity": "a"},
                "_:2": {"prov:entity": "e", "prov:activity": "b"},
            },
            "wasStartedBy": {"_:3": [{"prov:activity": "a", "prov:starter": "b"}] * 2},
        },
        tmp_path,
    )
    assert _refused(document) == [
        ("wasInvalidatedBy", f"{BASE}/e was invalidated already"),
        ("wasStartedBy", f"{BASE}/a was started already"),
    ]


@pytest.mark.parametrize("prefix", ["_", "3d", "xml", "xmlns", "xsi", "XML-x", "run", "site", "é"])
def test_a_prefix_that_cannot_be_used_here_gets_another_name(prefix: str, tmp_path: Path) -> None:
    address = "http://example.org/"
    attributes = {f"{prefix}:v": "1", "prov:type": {"$": f"{prefix}:Foo", "type": "xsd:QName"}}
    document = _merged({"prefix": {prefix: address}, "entity": {"e": attributes}}, tmp_path)
    (ours,) = [name for name, value in document["prefix"].items() if value == address]
    assert ours != prefix
    entity = document["entity"][f"{BASE}/e"]
    assert (entity[f"{ours}:v"], entity["prov:type"]) == ("1", f"{ours}:Foo")


def test_a_type_of_an_undeclared_prefix_run_is_no_term_of_ours(tmp_path: Path) -> None:
    document = _merged({"activity": {"a": {"prov:type": ["run:Job", "run:Step"]}}}, tmp_path)
    assert document["activity"][f"{BASE}/a"]["prov:type"] == "yprov:run.Job, yprov:run.Step"


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ({"$": "UTC+0200", "type": "xsd:string"}, "10:00"), ("+0200", "10:00"),
        ("UTC+5", "07:00"), ("UTC-03:30", "15:30"), ("UTC", "12:00"), ("Etc/GMT+1", "13:00"),
    ],
)  # fmt: skip
def test_a_time_without_an_offset_is_of_the_zone_that_is_named(
    zone: object, time: str, tmp_path: Path
) -> None:
    root = {"yprov:time_zone": zone, "prov:startedAtTime": "2026-06-01T12:00:00"}
    document = _merged({"activity": {"a": root}}, tmp_path)
    found = document["activity"][f"{BASE}/a"]
    assert found["prov:startTime"] == f"2026-06-01T{time}:00.000+00:00"


def test_a_time_of_a_zone_that_is_not_known_is_a_text_and_is_told(tmp_path: Path) -> None:
    root = {"yprov:time_zone": "CEST", "prov:startedAtTime": "2026-06-01T12:00:00",
            "prov:endedAtTime": "2026-06-01T12:00:00Z"}  # fmt: skip
    document = _merged({"activity": {"a": root}}, tmp_path)
    found = document["activity"][f"{BASE}/a"]
    assert "prov:startTime" not in found
    assert found["yprov:prov.startedAtTime"] == "2026-06-01T12:00:00"
    assert found["prov:endTime"] == "2026-06-01T12:00:00.000+00:00"
    words = "times that cannot be told, as texts (its time zone, CEST, is not known): 1"
    assert _note(document) == words


def test_every_member_of_a_list_is_a_member(tmp_path: Path) -> None:
    members = {"prov:collection": "c", "prov:entity": ["m", "n", "o"]}
    document = _merged({"hadMember": {"_:1": members}}, tmp_path)
    found = [value for key, value in document["hadMember"].items() if BASE in key]
    assert [each["prov:entity"] for each in found] == [f"{BASE}/{name}" for name in "mno"]


def test_two_records_of_one_element_are_one_with_the_values_of_both(tmp_path: Path) -> None:
    both = [{"prov:value": "1", "yprov:a": "x"}, {"prov:value": "2", "yprov:b": "y"}]
    entity = _merged({"entity": {"e": both}}, tmp_path)["entity"][f"{BASE}/e"]
    assert (entity["prov:value"], entity["yprov:yprov.a"], entity["yprov:yprov.b"]) == (
        "1, 2", "x", "y",
    )  # fmt: skip


def test_names_that_are_the_same_here_keep_both_values(tmp_path: Path) -> None:
    entity = {"batch size": "1", "batch_size": "2"}
    found = _merged({"entity": {"e": entity}}, tmp_path)["entity"][f"{BASE}/e"]
    assert (found["yprov:batch_size"], found["yprov:batch_size_2"]) == ("1", "2")


def test_what_cannot_be_kept_as_it_was_is_counted_by_its_cause(tmp_path: Path) -> None:
    document = _merged(
        {
            "activity": {"a": {"prov:startTime": "soon"}, "b": 5},
            "entity": {"e": {"prov:label": {"$": "ciao", "lang": "it"}, "long": "y" * 70_000}},
            "used": {"_:1": {"prov:activity": "a", "prov:entity": ["e", "f"]}},
        },
        tmp_path,
    )
    assert _note(document).split("; ") == [
        "records that are no objects, left out: 1",
        "language tags left out: 1",
        "texts cut to 65,536 characters: 1",
        "times that cannot be told, as texts: 1",
        "lists of ends, of which the first is taken: 1",
    ]


def test_names_that_stand_twice_in_an_object_are_a_gap(tmp_path: Path) -> None:
    text = '{"of": "yProv4ML", "entity": {"m": {"a": "1", "a": "2"}, "m": {}}}'
    gaps = documents.gaps(_merged(text, tmp_path))
    assert [gap for gap in gaps if "2 names stand twice in one object" in gap]


def test_of_a_run_of_mlflow_it_is_told_what_is_left_out(tmp_path: Path) -> None:
    script = """
    mkdir -p run/tags run/params; cd run
    printf 'run_id: ab\nlifecycle_stage: deleted\n' > meta.yaml
    python3 -c 'for n in range(2001): open(f"tags/t{n}", "w").write("x")'
    python3 -c 'open("params/long", "w").write("y" * 70000)'
    """
    done = run("yprov-run", "-q", "sh", "-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = documents.load(only_job(tmp_path) / "prov.json")
    (found,) = documents.of_type(document, "activity", "run:MlflowRun").values()
    assert found["run:note"] == "its lifecycle stage in MLflow is deleted"
    (file,) = documents.of_type(document, "entity", "run:EmbeddedDocument").values()
    assert file["run:note"] == "of its tags only 2,000 are taken; texts cut to 65,536 bytes: 1"
