"""The documentation claims only what a test holds."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.support import pages
from tests.support.reading import fault
from yprov_run import config
from yprov_run.provenance.vocabulary import TERMS

ROOT = Path(__file__).parents[1]
PAGES = pages.names()
BLOCKS = [block for page in PAGES for block in pages.blocks(page)]
_MARKS = {"", "options", "cluster", "status", "setup"}


@pytest.mark.parametrize("page", ["launchers.md", "site.md", "templates.md", "transparency.md"])
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
    for page in map(ROOT.joinpath, PAGES):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_term_of_what_is_captured_is_on_its_page() -> None:
    page = (ROOT / "docs/captured.md").read_text()
    missing = set()
    pages = ("attachments", "code", "container", "embedded", "hardware", "mlflow", "software")
    for module in pages:
        source = (ROOT / f"yprov_run/provenance/{module}.py").read_text()
        # As a keyword of `own`, in a table of terms, or asked for by name.
        words = set(re.findall(r"\b(\w+)=|\"(\w+)\"", source))
        used = {name for pair in words for name in pair if name}
        missing |= {name for name in used & set(TERMS) if f"`{name}`" not in page}
    assert missing == {"rowCount"}, missing


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_of_the_reference_are_what_the_code_gives() -> None:
    made = _script("make_reference").pages()
    for name, text in made.items():
        assert (ROOT / "docs/reference" / name).read_text() == text, (
            "run python docs/make_reference.py"
        )
    assert {path.name for path in (ROOT / "docs/reference").iterdir()} == {*made, "exit.md"}


def test_the_figures_of_the_comparison_are_those_of_the_benchmarks() -> None:
    made = _script("make_comparison")
    text = (ROOT / "docs/comparison.md").read_text()
    assert text == made.page(), "run python docs/make_comparison.py"
    assert "| con-duct | " in text.partition("<!-- figures -->")[2]


def test_the_page_of_terms_is_what_the_code_gives() -> None:
    text = (ROOT / "docs/terms.md").read_text()
    assert text == _script("make_terms").page(), "run python docs/make_terms.py"


def test_every_block_with_a_command_says_how_it_is_tested() -> None:
    """A command stands in a ```console block (with `$ `), a script in a ```bash block.

    tests/support/pages.py tells how to mark those that cannot be run here.
    """
    wrong = [
        f"{block.place}: {line.strip()}"
        for block in BLOCKS
        if block.language not in {"console", "bash", "setup"}
        for line in block.text.splitlines()
        if pages.COMMAND.match(line)
    ]
    wrong += [f"{block.place}: mark {block.mark}" for block in BLOCKS if block.mark not in _MARKS]
    wrong += [
        f"{block.place}: a console without a `$ ` line"
        for block in BLOCKS
        if block.language == "console" and not list(block.commands())
    ]
    assert wrong == []


def test_every_command_of_ours_that_is_not_run_can_be_read() -> None:
    wrong = []
    for block in BLOCKS:
        if block.language in {"console", "bash"} and block.mark != "status":
            for words in pages.our_commands(block.script()):
                if problem := fault(words):
                    wrong.append(f"{block.place}: {' '.join(words)}: {problem}")
    assert wrong == []


def test_every_command_in_the_prose_has_only_options_that_there_are() -> None:
    wrong = []
    for page in PAGES:
        for line, text in pages.inline_commands(page):
            for words in pages.our_commands(text):
                problem = fault(words)
                if problem.lower().startswith("no such"):
                    wrong.append(f"{page}:{line}: {text}: {problem}")
    assert wrong == []


def test_every_script_is_one() -> None:
    scripts = [block for block in BLOCKS if block.language in {"console", "bash", "setup"}]
    whole = "\n".join(
        f"f{number}() {{\n:\n{block.script()}\n}}" for number, block in enumerate(scripts)
    )
    done = subprocess.run(["bash", "-n"], input=whole, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_every_setting_is_one_that_may_be_set(tmp_path: Path) -> None:
    found = [block for block in BLOCKS if block.language == "yaml"]
    assert found
    for block in found:
        path = tmp_path / "config.yaml"
        path.write_text(block.text)
        if "mkdocs" not in block.title and yaml.safe_load(block.text):
            config.load([path])


def test_every_python_and_json_block_is_that() -> None:
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, block.place, "exec")
        elif block.language == "json":
            json.loads(block.text)
