"""Values that are a program's expressions, not texts: a call, an index, a sum, a variable."""

from __future__ import annotations

import re
from functools import cache

from yprov_run.redaction.names import is_secret_name, words_of

_NEAR = 300
_BLOCK_SIGNS = frozenset(("|", "|-", "|+", ">", ">-", ">+"))
_NAME = r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,8}"
_INDEX = r"\[[^\]\"'\n]{1,120}\]"
_TERM = rf"(?:{_NAME}(?:{_INDEX}){{0,4}}|\d{{1,20}})"


def begins_expression(text: str, start: int, is_spaced: bool) -> bool:
    """Tell at little cost that a value is an expression, however long what follows is."""
    near = text[start : start + _NEAR].partition("\n")[0]
    if near.startswith(("$(", "{{")) or (near[:1] == "`" and "`" in near[1:]):
        return True
    if not is_spaced:
        near = near.partition(" ")[0].partition("\t")[0]
    # The password that such a call is given is told by its place there: `code.py`.
    if near.strip() in _BLOCK_SIGNS or ("(" in near and near.partition("(")[0].endswith("Auth")):
        return True
    found = _call().match(near)
    return found is not None and (found[0][-1] != "(" or ")" in near[found.end() :])


def is_expression(value: str) -> bool:
    """Tell whether a value is a program's expression: a call closes, or goes on below."""
    found = _call().match(value)
    if found is None or found[0][-1] != "(":
        return found is not None
    return ")" in value[found.end() :] or value.rstrip().endswith(("(", ",", '"""', "'''"))


def is_computed(name: str, sign: str, text: str, start: int) -> bool:
    """Tell whether code assigns no text to a name: `ids[0]`, `token + 1`, another variable.

    A password may be any word, a token is random: a plain word below its name is a variable.
    """
    if "=" not in sign:
        return False
    near = text[start : start + _NEAR].partition("\n")[0]
    found = (_assigned() if sign[-1:].isspace() else _argument()).match(near)
    if found is None:
        return False
    value, own = found[1], name.rpartition(".")[2]
    is_random = words_of(name)[-1].endswith(("token", "tokens", "key", "keys"))
    if "[" in value:
        return True
    if " " in value:
        return is_random
    before, dot, last = value.rpartition(".")
    if last == own or (is_secret_name(last) and (dot or "_" in last) and last.islower()):
        return before.replace(".", "_").isidentifier() or not dot
    return (
        is_random
        and own.islower()
        and value.replace("_", "").replace(".", "").isalpha()
        and value.islower()
    )


@cache
def _call() -> re.Pattern[str]:
    return re.compile(
        r"\(?[A-Za-z_][\w.]{0,100}(?:\(|\[[\"'])|\(?(?:self|args|config|cfg|os|env)\.\w"
    )


@cache
def _assigned() -> re.Pattern[str]:
    """What a line of code assigns, and a comment: nothing in quotes."""
    return re.compile(rf"({_TERM}(?: (?:[-+*/%]|//|\*\*) {_TERM}){{0,8}})[ \t]*;?[ \t]*(?:#.*)?\Z")


@cache
def _argument() -> re.Pattern[str]:
    """What a call is given for a name: `f(token=ids[0], n=1)`."""
    return re.compile(rf"({_TERM})(?=\)|,[ \t]|,\Z|\Z(?<=\]))")
