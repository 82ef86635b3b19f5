"""Keep secrets off the disk: arguments that are, or hold, credentials."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

REDACTED = "<redacted>"

_WORDS = {"token", "secret", "secrets", "credential", "credentials", "cookie", "jwt", "pat", "pwd"}
_ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey", "authtoken", "accesstoken")
_PAIRS = {("api", "key"), ("private", "key"), ("access", "key"), ("auth", "key"), ("secret", "key")}
_ASSIGNMENT = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)=(?P<value>.+)\Z", re.DOTALL)
# Every repetition is bounded: an argument may be a megabyte, and the job waits for this.
_URL_USER = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/@\s:]{0,200}:[^/@\s]{1,500}@")
# Shapes of keys that well-known services hand out.
_SHAPES = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)


def is_secret_name(name: str) -> bool:
    """Tell whether a variable or option of this name holds a credential.

    By whole words, so that `--max-tokens`, `--tokenizer` and `--author` do not.
    """
    words = [word for word in re.split(r"[-_.]+", name.lower()) if word]
    return any(
        word in _WORDS or word.endswith(_ENDINGS) for word in words
    ) or not _PAIRS.isdisjoint(itertools.pairwise(words))


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments with every credential that can be told by name or shape replaced."""
    result: list[str] = []
    hide_next = False
    for word in argv:
        if hide_next and not word.startswith("-"):
            result.append(REDACTED)
            hide_next = False
            continue
        hide_next = word.startswith("-") and "=" not in word and is_secret_name(word)
        result.append(redact_text(word))
    return result


def redact_text(text: str) -> str:
    """Return one argument with its credentials replaced."""
    assignment = _ASSIGNMENT.match(text)
    if assignment and is_secret_name(assignment["name"]):
        return f"{assignment['name']}={REDACTED}"
    return _SHAPES.sub(REDACTED, _URL_USER.sub(rf"\1{REDACTED}@", text))


def redact_variable(name: str, value: str) -> str:
    """Return a variable's value with its credentials replaced, by its name or their shapes."""
    if value and is_secret_name(name):
        return REDACTED
    return redact_text(value)
