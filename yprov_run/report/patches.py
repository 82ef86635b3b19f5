"""A patch, file by file: two runs are told apart by the files that were changed in one of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

_HEAD = re.compile(r"^diff --git a/(.*) b/\1$", re.MULTILINE)
# What is read as code or as settings; a new file of another kind is mostly a result.
_SOURCE = re.compile(
    r".*\.(py[xi]?|ipynb|(ba|z)?sh|[ch](c|pp|xx)?|cuh?|hip|cl|f(90|95|03)?|for|jl|rs?|go|java|m|lua|pl"
    r"|rb|[jt]s|toml|ya?ml|cfg|ini|conf|in|def|cmake|mk|nml|lock)\Z"
    r"|(make|docker|snake)file\Z"
)


class FilePatch(NamedTuple):
    """What a patch does to one file; `is_result` where the file is new and reads as no code."""

    path: str
    text: str
    is_result: bool = False

    @property
    def sha256(self) -> str:
        """The checksum of the change."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()


def by_file(patch: str) -> Iterator[FilePatch]:
    """Yield a patch file by file; nothing where it does not read as git writes one."""
    heads = list(_HEAD.finditer(patch))
    ends = [head.start() for head in heads[1:]] + [len(patch)]
    for head, end in zip(heads, ends, strict=False):
        text = patch[head.start() : end].rstrip("\n")
        name = head[1].rpartition("/")[2].lower()
        is_new = "\nnew file mode " in text[: text.find("\n@@")]
        yield FilePatch(head[1], text, is_new and not _SOURCE.match(name))
