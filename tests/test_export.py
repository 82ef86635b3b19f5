"""Other formats of PROV: the same document, as strictly as each format can say it."""

from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import prov
import pytest
from prov.model import ProvDocument

from tests.conftest import need
from tests.support.commands import environment, only_job, run
from yprov_run.errors import YprovError
from yprov_run.export.formats import FORMATS, convert
from yprov_run.export.prepare import prepare

SAMPLE = Path(__file__).parent / "data/yprov4ml/sample_0/prov_sample_GR0_0.json"
LIBRARIES = ("lxml", "rdflib", "pydot", "networkx")
SCHEMAS = Path(prov.__file__).parent / "tests/schemas"


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    need([name for name in LIBRARIES if find_spec(name) is None], "exporting")


@pytest.fixture(scope="module")
def job_dir(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    (folder / "a b.txt").write_text("x")
    script = f"mkdir -p prov/sample_0; cp {SAMPLE} prov/sample_0; sleep 1"
    run("yprov-run", "-q", "--interval", "0.2", "-i", "a b.txt", "--tag", "é=ü", "sh", "-c", script,
        "x", "-v", "-v", cwd=folder, env=environment(LD_LIBRARY_PATH=str(fake_nvml)))  # fmt: skip
    return only_job(folder)


@pytest.fixture
def document(job_dir: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((job_dir / "prov.json").read_text())
    return loaded


def _loaded(document: dict[str, Any]) -> ProvDocument:
    return ProvDocument.deserialize(content=json.dumps(prepare(document)), format="json")


@pytest.mark.parametrize("form", ["provn", "xml", "jsonld"])
def test_reading_a_format_back_gives_the_same_document(form: str, document: dict[str, Any]) -> None:
    written = io.StringIO(convert(document, form).decode())
    assert ProvDocument.deserialize(written, format=form) == _loaded(document)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib, of its own names
@pytest.mark.parametrize(("form", "name"), [("ttl", "turtle"), ("trig", "trig")])
def test_rdf_has_every_element_under_an_absolute_iri(
    form: str, name: str, document: dict[str, Any]
) -> None:
    from rdflib import Dataset, Graph

    graph = Dataset() if form == "trig" else Graph()
    graph.parse(data=convert(document, form), format=name)
    subjects = {str(quad[0]) for quad in graph.triples((None, None, None))}
    uri = document["prefix"]["default"]
    assert f"{uri}job" in subjects
    assert f"{uri}step.0" in subjects
    assert len(subjects) >= sum(len(document[kind]) for kind in ("entity", "activity", "agent"))
    types = {str(quad[2]) for quad in graph.triples((None, None, None))}
    assert "https://w3id.org/yprov-run/terms#NodeExecution" in types


def test_xml_is_valid_by_its_schema(document: dict[str, Any]) -> None:
    from lxml import etree

    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "prov.xsd")))
    schema.assertValid(etree.fromstring(convert(document, "xml")))


def test_words_that_repeat_and_large_numbers_survive(document: dict[str, Any]) -> None:
    text = convert(document, "provn").decode()
    assert r"\"x\", \"-v\", \"-v\"" in text or r"\"x\",\"-v\",\"-v\"" in text
    assert "%% xsd:long" in text


def test_types_and_parts_are_qualified_names(document: dict[str, Any]) -> None:
    text = convert(document, "provn").decode()
    assert "prov:type='run:Job'" in text
    assert "dcterms:isPartOf='job'" in text or "dcterms:isPartOf=':job'" in text
    assert "startedAtTime" not in text


def test_different_identifiers_stay_different() -> None:
    entities: dict[str, Any] = {
        name: {} for name in ("a/b", "a.b", "a//b", "1", "_1", "é", "a b", "x:y")
    }
    names = prepare({"prefix": {"default": "urn:x#", "x": "urn:y#"}, "entity": entities})["entity"]
    assert len(names) == len(entities)


@pytest.mark.parametrize("form", FORMATS)
def test_a_relation_to_several_elements_names_them_as_they_are_named(form: str) -> None:
    members = ["ex:a/1", "ex:b 1"]
    document = {
        "prefix": {"ex": "urn:x#"},
        "entity": {name: {} for name in ("ex:c/1", *members)},
        "hadMember": {"_:1": {"prov:collection": "ex:c/1", "prov:entity": members}},
    }
    prepared = prepare(document)
    (record,) = prepared["hadMember"].values()
    assert {record["prov:collection"], *record["prov:entity"]} == set(prepared["entity"])
    assert "a/1" not in convert(document, form).decode()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("relation", "ends"),
    [
        ("alternateOf", ("alternate1", "alternate2")),
        ("specializationOf", ("specificEntity", "generalEntity")),
        ("hadMember", ("collection", "entity")),
    ],
)
def test_a_relation_that_has_no_identifier_in_prov_keeps_both_its_ends(
    relation: str, ends: tuple[str, str], form: str
) -> None:
    named = {f"prov:{end}": f"ex:{end}" for end in ends}
    document = {
        "prefix": {"ex": "urn:x#"},
        "entity": {name: {} for name in named.values()},
        relation: {"ex:named": named},
    }
    text = convert(document, form).decode()
    assert "named" not in text
    if form in {"ttl", "trig"}:
        assert f"prov:{relation} ex:{ends[1]}" in text


def test_a_foreign_document_is_written_too() -> None:
    document = json.loads(SAMPLE.read_text())
    for form in FORMATS:
        assert convert(document, form)


def test_what_cannot_be_written_is_one_clear_line() -> None:
    with pytest.raises(YprovError, match="provn: "):
        convert({"entity": {"nowhere:a": {}}}, "provn")


def test_the_command_writes_to_stdout_or_to_a_file_for_those_who_can_read_the_document(
    job_dir: Path, tmp_path: Path
) -> None:
    done = run("yprov-inspect", "export", str(job_dir), "--format", "dot", cwd=tmp_path)
    assert done.stdout.startswith(b"digraph")
    for mode in (0o644, 0o600):
        (tmp_path / "x.json").write_bytes((job_dir / "prov.json").read_bytes())
        (tmp_path / "x.json").chmod(mode)
        name = f"{mode:o}.provn"
        run("yprov-inspect", "export", "x.json", "--format", "provn", "-o", name, cwd=tmp_path)
        assert (tmp_path / name).read_bytes().startswith(b"document")
        assert (tmp_path / name).stat().st_mode & 0o777 == mode
    done = run("yprov-inspect", "export", str(job_dir), "--format", "pdf", cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


@pytest.mark.parametrize(
    ("form", "library"), [("ttl", "rdflib"), ("xml", "lxml"), ("dot", "pydot")]
)
def test_a_format_whose_library_is_missing_says_what_to_install(
    form: str, library: str, job_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{library}.py").write_text("raise ImportError(name=__name__)\n")
    env = environment(PYTHONPATH=str(tmp_path))
    done = run("yprov-inspect", "export", str(job_dir), "--format", form, cwd=tmp_path, env=env)
    assert done.returncode == 2
    named = "pydot" if form == "dot" else "more"  # `prov` does not say of the others
    assert f"{form} needs {named}: " in done.stderr.decode()
    assert b"pip install 'yprov-run[formats]' ('.[formats]' in a checkout)" in done.stderr
    assert done.stderr.count(b"\n") == 1
