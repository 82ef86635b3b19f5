"""Make docs/terms.md from the vocabulary: `python docs/make_terms.py`."""

from __future__ import annotations

from pathlib import Path

from yprov_run.provenance.meanings import BORROWED, MATCHES, range_of
from yprov_run.provenance.vocabulary import NAMESPACES, RUN, TERMS

_HEAD = f"""# Terms

Every term of our own that a document may hold, with the prefix `run:` = `{RUN}`. This page is made
from `yprov_run/provenance/vocabulary.py` by `python docs/make_terms.py`.

An integer's type is written with it in the document (`{{"$": "8", "type": "xsd:int"}}`), a JSON
number is an xsd:double; the unit is the one given here, always.

The other prefixes: {", ".join(f"`{prefix}:` = `{uri}`" for prefix, uri in NAMESPACES.items())}.
`yprov:` and `provml:` are spelled as the yProv family spells them, because its programs look for
these very names.

`range` is what a value may be, where that is not open; `yprov-inspect check` holds documents
against it. `others` are terms of schema.org, Dublin Core, PROV and the yProv family: `=` the same,
`<` theirs is wider, `~` near it.

| term | type | unit | range | meaning | others |
|---|---|---|---|---|---|
"""

_BORROWED = """
## Terms of others

What those of others that our documents hold say there; PROV's own are used as PROV defines them.

| term | in our documents |
|---|---|
"""


def page() -> str:
    """Return the page's text."""
    rows = (
        f'| <a id="{term.name}"></a>`{term.name}` | {term.datatype or "class"} | {term.unit} '
        f"| {range_of(term)} | {term.definition} | {MATCHES.get(term.name, '')} |\n"
        for term in TERMS.values()
    )
    borrowed = (f"| {_code(names)} | {meaning} |\n" for names, meaning in BORROWED.items())
    return _HEAD + "".join(rows) + _BORROWED + "".join(borrowed)


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


if __name__ == "__main__":
    Path(__file__).with_name("terms.md").write_text(page(), encoding="utf-8")
