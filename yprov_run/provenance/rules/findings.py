"""What a check found: where in the document, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal["PROV", "family", "terms", "files"]


@dataclass(frozen=True)
class Finding:
    """One fault: a JSON Pointer (RFC 6901) into the document, and words.

    `rule` tells whose rule is broken: W3C PROV's, that of the yProv family's programs, which
    refuse some documents that are valid, or that of our own terms; or that it is a file beside the
    document which is not as the document says.
    """

    path: str
    words: str
    rule: Rule = "PROV"

    def __str__(self) -> str:
        return f"{self.path}: {self.words}"


def pointer(*parts: str) -> str:
    """Return the JSON Pointer of a place: `/entity/file~1a/prov:type`."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
