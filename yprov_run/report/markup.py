"""HTML in which every text is escaped unless it was made here: a job's name is never markup."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence

from yprov_run.report.words import plain

_LONGEST = 4_000
_VOID = {"meta", "line", "rect", "path", "input", "col", "br"}


class Markup(str):
    """Text that is markup already; only this module makes it."""

    __slots__ = ()


Content = str | Iterable[str] | None


def escape(text: str) -> Markup:
    """Return any text as markup that shows it: no tag, no quote, no control character."""
    return text if isinstance(text, Markup) else Markup(html.escape(plain(text, _LONGEST)))


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """Return parts one after the other, each escaped unless it is markup."""
    return Markup(separator.join(escape(part) for part in parts))


def tag(name: str, content: Content = None, /, **attributes: object) -> Markup:
    """Return an element. A trailing `_` of an attribute's name falls off, `_` within is `-`.

    Attributes that are None or False are left out; True stands without a value.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        words.append(label if value is True else f'{label}="{escape(str(value))}"')
    opening = " ".join(words)
    if name in _VOID:
        return Markup(f"<{opening}/>")
    inner = "" if content is None else join([content] if isinstance(content, str) else content)
    return Markup(f"<{opening}>{inner}</{name}>")


def lines(text: str, most: int = 2_000) -> Markup:
    """Return a text of several lines as a block that keeps them; what is beyond `most` is said."""
    found = text.split("\n")
    rest = [f"... {len(found) - most} more lines"] if len(found) > most else []
    return tag("pre", join([*found[:most], *rest], "\n"), tabindex="0")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, numeric: Sequence[int] = ()
) -> Markup:
    """Return a table; the columns in `numeric` are set to the right."""

    def row(cells: Sequence[str], cell_name: str) -> Markup:
        return tag(
            "tr",
            [
                tag(cell_name, cell, class_="n" if place in numeric else None,
                    scope="col" if cell_name == "th" else None)
                for place, cell in enumerate(cells)
            ],
        )  # fmt: skip

    return tag(
        "div",
        tag(
            "table",
            [
                tag("caption", caption),
                tag("thead", row(head, "th")),
                tag("tbody", [row(cells, "td") for cells in rows]),
            ],
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def filled_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, numbers: Sequence[str]
) -> Markup:
    """Return a table without the columns in which nothing stands."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    names = [head[place] for place in kept]
    numeric = [place for place, name in enumerate(names) if name in numbers]
    return table(names, [[row[place] for place in kept] for row in rows], caption, numeric)


def definitions(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return a list of terms and what they are here."""
    return tag("dl", [join([tag("dt", name), tag("dd", value)]) for name, value in pairs])


def data(identifier: str, value: object) -> Markup:
    """Return data for the page's script; nothing in it can end the element or open another."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="{escape(identifier)}">{text}</script>')


def raw(text: str) -> Markup:
    """Mark a text as markup; for this package's own files only, never for anything of a job."""
    return Markup(text)
