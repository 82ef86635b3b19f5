"""What the project says of itself it says in one place, or everywhere alike."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.support.commands import REPOSITORY
from tests.support.project import PROJECT, PYTHONS
from yprov_run import __version__

FORMS = sorted((REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def test_the_oldest_python_is_the_same_wherever_it_is_named() -> None:
    oldest = PYTHONS[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest} or newer" in (REPOSITORY / "README.md").read_text()
    assert all(int(b[2:]) == int(a[2:]) + 1 for a, b in pairwise(PYTHONS))


def test_the_version_stands_in_the_package_and_nowhere_in_pyproject() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "yprov_run/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_who_cites_the_project_names_this_version_and_this_licence() -> None:
    project = PROJECT["project"]
    citation: dict[str, Any] = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == __version__
    assert citation["license"] == project["license"]
    assert citation["keywords"] == project["keywords"]
    assert citation["abstract"] == project["description"]


def test_codemeta_says_what_pyproject_says() -> None:
    project = PROJECT["project"]
    code: dict[str, Any] = json.loads((REPOSITORY / "codemeta.json").read_text())
    assert code["name"] == project["name"]
    assert code["version"] == __version__
    assert code["description"] == project["description"]
    assert code["license"].endswith(f"/{project['license']}")
    assert code["keywords"] == project["keywords"]
    assert code["softwareRequirements"] == project["dependencies"]
    assert code["runtimePlatform"] == f"Python {PYTHONS[0]} or newer"


def test_the_paper_is_cited_alike_in_both() -> None:
    code = json.loads((REPOSITORY / "codemeta.json").read_text())["referencePublication"]
    (paper,) = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["references"]
    assert code["name"] == paper["title"]
    assert code["url"] == paper["url"]
    assert [code["identifier"]] == [each["value"] for each in paper["identifiers"]]
    assert [(each["givenName"], each["familyName"]) for each in code["author"]] == [
        (each["given-names"], each["family-names"]) for each in paper["authors"]
    ]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_each_issue_form_is_one_that_a_forge_shows(form: Any) -> None:
    read = yaml.safe_load(form.read_text())
    if form.name == "config.yml":
        assert read.keys() == {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= read.keys()
    asked = [part for part in read["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in asked} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(part["attributes"]["label"] for part in asked)
    names = [part["id"] for part in asked]
    assert len(names) == len(set(names)) > 0
    assert any(part.get("validations", {}).get("required") for part in asked)
