"""Keep secrets off the disk, in arguments, variables and any text that is captured.

Credentials are told by their names (`names.py`), by their shapes (`shapes.py`), and by their place:
after an option, or where a known program takes one (`clients.py`, `lines.py`); in a text, by the
name that they stand under (`assignments.py`, `code.py`). What can be one at all: `values.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yprov_run.redaction.clients import may_have_command, redact_words
from yprov_run.redaction.names import is_secret_name, may_name_secret
from yprov_run.redaction.shapes import REDACTED, may_have_shape, replace_shapes
from yprov_run.redaction.values import can_be_secret

__all__ = [
    "REDACTED", "is_secret_name", "redact_argv", "redact_json", "redact_text", "redact_variable",
]  # fmt: skip

_HOLDERS = frozenset(("$", "value", "@value", "default"))  # of the value of what is around them
_MAX_NAME = 200
_MAX_NAMES = 8
# Behind these stands a script in one word.
_SCRIPT = frozenset(("-c", "-lc", "-ec", "-ic", "--wrap"))


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments with every credential replaced that its name, place or shape tells."""
    return redact_words(argv, _redact_word)


def redact_variable(name: str, value: str) -> str:
    """Return a variable's value with its credentials replaced, by its name or their shapes."""
    if may_name_secret(name) and is_secret_name(name) and can_be_secret(name, value):
        return REDACTED
    return redact_text(_without_user(value))


def redact_text(text: str) -> str:
    """Return any text (a word, a script, a diff, a configuration file) with its secrets replaced.

    Lines stay lines. A plain word costs a few searches for substrings and nothing more.
    """
    if may_have_shape(text):
        text = replace_shapes(text)
    named = may_name_secret(text)
    if named and ("=" in text or ":" in text):
        from yprov_run.redaction.assignments import redact_assignments

        text = redact_assignments(text)
    if named and any(hint in text for hint in ("(", "<", "{", "username", "value", "--")):
        from yprov_run.redaction.code import redact_code

        text = redact_code(text)
    if (" " in text or "\t" in text) and (named or may_have_command(text)):
        from yprov_run.redaction.lines import redact_commands

        text = redact_commands(text)
    return text


def redact_json(value: object, name: str = "") -> object:
    """Return a structure of JSON with the secrets in its texts replaced, by key or by shape."""
    if isinstance(value, str):
        return redact_variable(name, value)
    if isinstance(value, dict):
        return {
            key: redact_json(item, _name_of(str(key), value, name)) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        if all(isinstance(item, str) for item in value):  # it may be a command
            return redact_words(value, lambda word, _: redact_variable(name, word))
        return [redact_json(item, name) for item in value]
    return value


def _name_of(key: str, around: Mapping[object, object], outer: str) -> str:
    """Return what the value of a key is called, which may stand beside it, or around both."""
    if key == "key" and "username" in around:
        return "api_key"  # as Kaggle's file has it
    beside = around.get("name") if key == "value" else None
    if isinstance(beside, str):
        return beside
    return outer if outer and key in _HOLDERS else key


def _redact_word(word: str, before: str) -> str:
    """Redact a word of a command line, whose quotes and references a shell has taken away."""
    if may_name_secret(word) and before not in _SCRIPT and not word.startswith("--wrap="):
        end = _assigned(word)
        if end:
            blank = " " if word[end : end + 1] == " " else ""
            return f"{word[:end]}{blank}{REDACTED}"
        _, equals, value = word.partition("=")
        if equals and not any(sign in word for sign in ":\"' \t\n(") and "=" not in value:
            return word if not may_have_shape(word) else replace_shapes(word)
    return redact_text(_without_user(word))


def _assigned(word: str) -> int:
    """Return where the value begins that the whole rest of a word is; 0 if there is none.

    What stands before a `=` must be a secret name: the first, or in a list of them another.
    """
    start = 0
    for _ in range(_MAX_NAMES):
        at = word.find("=", start, start + _MAX_NAME)
        colon = word.find(":", start, at if at >= 0 else start + _MAX_NAME)
        at = colon if start == 0 and colon >= 0 else at
        if at < 0:
            return 0
        name = word[start:at].rpartition(",")[2]
        if not name.replace("-", "_").replace(".", "_").lstrip("+").isidentifier():
            return 0
        if is_secret_name(name):
            return at + 1 if can_be_secret(name, word[at + 1 :]) else 0
        start = at + 1
    return 0


def _without_user(word: str) -> str:
    """Return an address without its user and password: they end at the last `@` before the path."""
    scheme, separator, rest = word.partition("://")
    if not separator or "@" not in rest or any(blank in word for blank in " \t\n"):
        return word
    user, _, host = rest.partition("/")[0].rpartition("@")
    password = user.partition(":")[2]
    port = password.partition("?")[0].partition("#")[0]
    is_port = port.isdigit() and port != password
    if ":" not in user or is_port or host.startswith(("sha256:", "sha512:")):
        return word
    return f"{scheme}://{REDACTED}@{rest[len(user) + 1 :]}"
