"""Untracked files as a patch, in the form that `git apply` reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

from yprov_run.audience import audience, common
from yprov_run.redaction.names import is_secret_name
from yprov_run.redaction.shapes import REDACTED
from yprov_run.redaction.text import redact_text
from yprov_run.safefile import open_regular

MAX_PATCH_BYTES = 1 << 20
_MAX_FILE_BYTES = 64 << 10
# Files that hold nothing but a credential, whatever it looks like.
_KEEPERS = {
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass", ".htpasswd",
    ".git-credentials", ".vault-token", ".cdsapirc", ".ecmwfapirc", "pgpass.conf", "rootkey.csv",
}  # fmt: skip
_PLAIN_ENDINGS = {"", ".txt", ".key", ".pem", ".token", ".secret", ".dat"}
_CONTENT = ("+", "-", " ")
_SECTION = re.compile(r"^(?=diff --git )", re.MULTILINE)
_BINARY = re.compile(r"^Binary files ", re.MULTILINE)
_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")


def as_new_file(root: Path, path: str) -> str:
    """Return a small text file as a patch that makes it; empty if it is anything else.

    A link is not followed: it may lead anywhere.
    """
    if any(ord(character) < 32 or character in '"\\' for character in path):
        return ""  # git would quote it; so rare a name is not worth a quoting of our own
    try:
        fd = open_regular(root / path, follow=False)
        with open(fd, "rb") as stream:  # noqa: PTH123 - it is open already
            executable = os.fstat(fd).st_mode & 0o100
            content = stream.read(_MAX_FILE_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError):
        return ""
    if len(content) > _MAX_FILE_BYTES or "\0" in text:
        return ""
    lines = [
        f"diff --git a/{path} b/{path}",
        f"new file mode {'100755' if executable else '100644'}",
        *_hunk(path, text),
    ]
    return "\n".join(lines) + "\n"


def _hunk(path: str, text: str) -> list[str]:
    if not text:
        return []
    # Only at "\n": git knows no other ends of lines.
    lines = text.split("\n")
    ends_with_newline = lines[-1] == ""
    if ends_with_newline:
        lines.pop()
    added = [f"+{line}" for line in lines]
    if not ends_with_newline:
        added.append("\\ No newline at end of file")
    count = "" if len(lines) == 1 else f",{len(lines)}"
    tab = "\t" if " " in path else ""
    return ["--- /dev/null", f"+++ b/{path}{tab}", f"@@ -0,0 +1{count} @@", *added]


def without_secrets(patch: str) -> str:
    """Return a patch without credentials; its lines stay lines.

    Of a file whose name says that it is one (`hf_token.txt`, `id_rsa`) no line is kept.
    """
    result: list[str] = []
    hunk: list[str] = []
    is_hidden, in_hunk, heading = False, False, ""
    for line in [*patch.split("\n"), "diff --git "]:
        if line.startswith(("diff --git ", "@@ ")):
            result += _hunk_without_secrets(heading, hunk, is_hidden)
            hunk, in_hunk = [], line.startswith("@@ ")
            heading = line.partition(" @@ ")[2] if in_hunk else ""
            is_hidden = is_hidden if in_hunk else _keeps_secret(line)
        if in_hunk and line.startswith(_CONTENT):
            hunk.append(line)
        else:  # `\ No newline`, too, stands where it is
            (hunk or result).append(line[:1] + redact_text(line[1:]))
    return "\n".join(result[:-1])


def _hunk_without_secrets(heading: str, lines: list[str], is_hidden: bool) -> list[str]:
    """Redact what a hunk makes of the file as one text, then what it was: a secret has many lines.

    git names in the heading the last line before the hunk that is not indented: it may be the key
    of what the hunk begins within.
    """
    lines = [
        line[0] + REDACTED if is_hidden and line.startswith(_CONTENT) else line
        for line in _without_keys(lines)
    ]
    for side in ("+ ", "- "):
        places = [at for at, line in enumerate(lines) if line[:1] and line[0] in side]
        text = redact_text("\n".join([heading, *(lines[at][1:] for at in places)]))
        for at, line in zip(places, text.split("\n")[1:], strict=True):
            lines[at] = lines[at][0] + line
    return lines


def _without_keys(lines: list[str]) -> list[str]:
    """Return a hunk's lines without those of a key, which tell nothing by themselves."""
    ends = (at for at, line in enumerate(lines) if _KEY_END.search(line))
    begins = (at for at, line in enumerate(lines) if _KEY.search(line))
    end = next(ends, 0)
    in_key = end < next(begins, len(lines)) and end > 0
    result = []
    for line in lines:
        in_key = in_key and "-----END" not in line
        result.append(line[0] + REDACTED if in_key and line.startswith(_CONTENT) else line)
        if not in_key and _KEY.search(line):
            in_key = "-----END" not in line
    return result


def patch_audience(patch: str, root: str, beside: Path) -> int:
    """Return who may read a patch to a work tree: whoever may read all that is in it.

    `beside` is the folder into which it goes.
    """
    lines = patch.split("\n")
    modes = [audience(f"{root}/.git", beside)]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("diff --git ") and not after.startswith("deleted "):
            path = os.path.join(root, _path_in(line))  # noqa: PTH118 - as git says it
            is_link = os.path.islink(path)  # noqa: PTH114 - it may lead anywhere
            modes.append(audience(os.path.dirname(path) if is_link else path, beside))  # noqa: PTH120
    return common(modes)


def without_binaries(patch: str) -> tuple[str, list[str]]:
    """Return a patch without its binary files, and these: git could not apply any of it."""
    kept, binaries = [], []
    for section in _SECTION.split(patch):
        if _BINARY.search(section):
            binaries.append(_path_in(section.partition("\n")[0]).strip('/"'))
        else:
            kept.append(section)
    return "".join(kept), binaries


def _path_in(head: str) -> str:
    """Return the path of `diff --git a/PATH b/PATH`; what is in quotes comes to no file."""
    names = head[len("diff --git ") :]
    return names[: len(names) // 2][len("a/") :]


def _keeps_secret(head: str) -> bool:
    """Tell by its name whether the file of `diff --git a/PATH b/PATH` is a credential."""
    stem, ending = os.path.splitext(head.rstrip('"').rpartition("/")[2])  # noqa: PTH122 - a text
    name = stem + ending
    if name == "tokens.txt":
        return False  # a model's words
    if name in _KEEPERS or name.endswith("_accessKeys.csv"):
        return True
    return ending.lower() in _PLAIN_ENDINGS and is_secret_name(stem)
