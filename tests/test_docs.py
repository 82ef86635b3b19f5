"""The documentation claims only what a test holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from yprov_run.provenance.vocabulary import TERMS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["launchers.md", "transparency.md"])
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text()))
    written = {
        name
        for path in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert named
    assert named - written == set()


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_term_of_what_is_captured_is_on_its_page() -> None:
    page = (ROOT / "docs/captured.md").read_text()
    missing = set()
    for module in ("attachments", "code", "container", "hardware", "software"):
        source = (ROOT / f"yprov_run/provenance/{module}.py").read_text()
        # As a keyword of `own`, in a table of terms, or asked for by name.
        words = set(re.findall(r"\b(\w+)=|\"(\w+)\"", source))
        used = {name for pair in words for name in pair if name}
        missing |= {name for name in used & set(TERMS) if f"`{name}`" not in page}
    assert missing == {"rowCount"}, missing
