"""The page of what is captured of a job names every field and term that the code has."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from yprov_run.merge.accounting import FIELDS
from yprov_run.provenance.vocabulary import TERMS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/captured_job.md").read_text()
KINDS = ("scheduler", "environment", "modules", "accounting")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_record_is_on_the_page(kind: str) -> None:
    module = importlib.import_module(f"yprov_run.kinds.{kind}")
    classes = [cls for cls in vars(module).values() if dataclasses.is_dataclass(cls)]
    assert classes
    fields = {field.name for cls in classes for field in dataclasses.fields(cls)}
    assert {name for name in fields if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("kind", ["scheduler", "environment", "modules"])
def test_every_term_that_is_written_is_on_the_page(kind: str) -> None:
    source = (ROOT / f"yprov_run/provenance/{kind}.py").read_text()
    written = set(re.findall(r"\b(\w+)=", source)) | set(re.findall(r'term\("(\w+)"\)', source))
    missing = {name for name in written & set(TERMS) if f"run:{name}`" not in PAGE}
    assert missing == set()


def test_every_field_of_accounting_and_no_other_term_is_on_the_page() -> None:
    assert [name for name in FIELDS if f"`{name}`" not in PAGE] == []
    named = set(re.findall(r"`run:(\w+)`", PAGE))
    assert named - set(TERMS) == set()
