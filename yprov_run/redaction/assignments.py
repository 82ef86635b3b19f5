"""Credentials by the name that they stand under in a text: `name=value`, `name: value`, in quotes.

For scripts, diffs, configuration files and code: loaded where a text has such a name. Every
repetition is bounded, so that the time is linear in the text; every line stays a line.
"""

from __future__ import annotations

import re
from functools import cache

from yprov_run.redaction.expressions import begins_expression, is_computed, is_expression
from yprov_run.redaction.names import STEMS, is_secret_name, words_of
from yprov_run.redaction.shapes import REDACTED, hidden_lines
from yprov_run.redaction.unpacking import is_unpacked, redact_unpacked
from yprov_run.redaction.values import can_be_in_text, looks_random

_MAX_VALUE = 8000
_QUOTES = ('"', "'")
_TRIPLES = ('"""', "'''")
# What may stand before a credential that its shape told.
_SCHEMES = frozenset(("", "bearer", "basic", "token"))


def redact_assignments(text: str) -> str:
    """Replace the values of all names that say that they are secret."""
    if "\n" in text:  # an expression that is not compiled costs a launch nothing
        text = _block().sub(_redact_block, _option().sub(_redact_option, text))
    if "," in text and "=" in text:
        text = redact_unpacked(text)
    parts, done, position = [], 0, 0
    head = _head()
    while found := head.search(text, position):
        position = found.end()
        if not is_secret_name(found["name"]) or _is_prose(text, found):
            continue
        if "=" in found["sign"] and is_unpacked(text, found.start()):
            continue
        start, is_spaced = position, _is_spaced(found["sign"])
        if annotation := _annotation().match(text, start):
            if not annotation["sign"]:
                continue
            start, is_spaced = annotation.end(), _is_spaced(annotation["sign"])
        outer = _outer_quote(text, found)
        if (
            (outer and text[start : start + 1] == outer)
            or (is_spaced and _mapping().match(text, start))
            or begins_expression(text, start, is_spaced)
            or is_computed(found["name"], found["sign"], text, start)
        ):
            continue
        end = _end_of_value(text, start, is_spaced, outer)
        value = _hidden_value(found["name"], text[start:end])
        if value is not None:
            parts += [text[done:start], value]
            done = position = end
    return "".join([*parts, text[done:]])


def _is_prose(text: str, found: re.Match[str]) -> bool:
    """Tell whether a name is the end of some words: `# the second pass: ...`."""
    before = text[max(0, found.start() - 8) : found.start()].rstrip(" ")
    return found["name"] == "pass" and before[-1:].isalnum()


def _is_spaced(sign: str) -> bool:
    """Tell whether a sign is as YAML and INI have it: their values go to the end of the line."""
    return sign[-1:].isspace() and (sign.strip() == ":" or (sign[0].isspace() and "=" in sign))


def _outer_quote(text: str, found: re.Match[str]) -> str:
    """Return the quote that an assignment stands in as a whole: "X-Api-Key: value"."""
    quote = text[found.start() - 1 : found.start()]
    return quote if quote in _QUOTES and text[found.end("name")] not in f"{quote}\\" else ""


def _end_of_value(text: str, start: int, is_spaced: bool, outer: str) -> int:
    """Return where a value ends: one in quotes with them, one as in YAML with its line.

    Any other does as a word of a shell.
    """
    first = text[start : start + 1]
    if first in {"(", "["} and (strings := _strings().match(text, start)):
        return strings.end()
    if is_spaced and first and first not in "\"'#,[{":
        plain = _plain().match(text, start)
        end = plain.end() if plain else start
        closed = text.find(outer, start, end) if outer else -1
        return closed if closed >= 0 else end
    return _end_of_word(text, start)


def _end_of_word(text: str, start: int) -> int:
    """Return where a shell's word ends; it may be quoted in parts: abc"def"'ghi'."""
    first = text[start : start + 1]
    if first in _QUOTES and text[start - 1] == "\\":  # a string within a string
        end = text.find(f"\\{first}", start + 1, start + _MAX_VALUE)
        if end >= 0 and "\n" not in text[start:end]:
            return end + 2
    opens = first in _QUOTES and _opens(text, start)
    if opens and text[start : start + 3] in _TRIPLES:
        end = text.find(text[start : start + 3], start + 3, start + _MAX_VALUE)
        return end + 3 if end >= 0 else start + 3
    position = start
    while position - start < _MAX_VALUE and (found := _piece().match(text, position)):
        quote = found[0]
        if quote not in _QUOTES:
            position = found.end()
            continue
        is_first = position == start
        # Only what begins with its quote goes on in other lines.
        closed = (_quoted if opens and is_first else _quoted_in_line)(quote).match(text, position)
        if is_first and not closed:
            if not opens:
                return start
            end = text.find("\n", position, position + _MAX_VALUE)
            return end if end >= 0 else min(len(text), position + _MAX_VALUE)
        if not is_first and not (text[start] not in "{[(" and _begins().match(text, position + 1)):
            return position  # what the whole assignment stands in ends here
        position = closed.end() if closed else position + 1
        if closed and not _goes_on().match(text, position):
            return position
    return min(position, len(text))


def _opens(text: str, at: int) -> bool:
    """Tell whether a quote begins a string that may go on below: `"?token=" + x` ends one there."""
    least = max(0, at - _MAX_VALUE)
    begin = max(least, text.rfind("\n", least, at) + 1)
    return text.count(text[at], begin, at) % 2 == 0 or bool(_begins().match(text, at + 1))


def _hidden_value(name: str, value: str) -> str | None:
    """Return what stands in a value's place; None where it is none that must be hidden."""
    if not value.strip() or _is_hidden(value) or is_expression(value):
        return None
    if value[0] in "([" and value[1:].lstrip(" \t\n+-")[:1] in _QUOTES:
        return _string().sub(lambda found: _hidden_item(name, value, found[0]), value)
    if not can_be_in_text(name, value):
        return None
    width = 3 if value[:3] in _TRIPLES else 1
    quote = value[:width] if value[0] in _QUOTES else ""
    if quote and value.endswith(f"\\{quote}"):
        return f"{quote}{REDACTED}\\{quote}"
    end = value[-1] if not quote and value[-1] in ",;)}]" and len(value) > 1 else ""
    return f"{quote}{hidden_lines(value)}{quote}{end}"


def _hidden_item(name: str, value: str, item: str) -> str:
    """Return a string of several in brackets: none of those that name what is secret."""
    last = words_of(name)[-1]
    is_sure = last in {"key", "keys"} or is_secret_name(last) or looks_random(item.strip("\"'"))
    is_list = value[0] == "[" or "," in value
    if is_list and (not is_sure or (item[1:-1].isidentifier() and is_secret_name(item[1:-1]))):
        return item
    return _hidden_value(name, item) or item


def _is_hidden(value: str) -> bool:
    if REDACTED not in value:
        return False
    rest = value.replace(REDACTED, "").strip(" \t\r\n\"'\\,;)}]").lower()
    return rest in _SCHEMES or "://" in rest or rest.startswith("-----")


def _redact_option(match: re.Match[str]) -> str:
    """Hide what an option is given in quotes over several lines: commands are read by lines."""
    name, value = match["name"], match["value"]
    if "\n" not in value or not is_secret_name(name) or not can_be_in_text(name, value):
        return match[0]
    return f"{match['head']}{value[0]}{hidden_lines(value)}{value[0]}"


def _redact_block(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    lines = match["lines"].split("\n")
    if match["sign"]:
        hidden = [f"{match['indent']}  {REDACTED}" for _ in lines]
    else:
        items = [line.partition("-") for line in lines]
        if match["name"] == "secrets" or any(": " in item for _, _, item in items):
            return match[0]
        hidden = [
            f"{start}- {REDACTED}"
            if can_be_in_text(match["name"], item)
            else f"{start}{sign}{item}"
            for start, sign, item in items
        ]
    if not lines[-1]:
        hidden[-1] = ""
    return match["head"] + "\n".join(hidden)


@cache
def _head() -> re.Pattern[str]:
    """A name with what stands between it and its value: `=`, `:`, `:=`, `=>`, in quotes or not."""
    return re.compile(
        r"(?<![\w.])(?P<name>[A-Za-z_][\w.-]{0,120})(?:\\?[\"'])?\]?"
        r"(?P<sign>[ \t]{0,40}(?:=>|:=|==|=|:)[ \t]{0,40})\\?"
    )


@cache
def _option() -> re.Pattern[str]:
    """A long option of a secret name's kind, and what it is given in quotes."""
    quoted = "|".join(_quoted(quote).pattern for quote in _QUOTES)
    stems = "|".join(STEMS)
    return re.compile(
        rf"(?i:(?P<head>(?<![\w-])--(?P<name>[\w-]{{0,40}}(?:{stems})[\w-]{{0,40}})[ \t]{{1,8}}))"
        rf"(?P<value>{quoted})"
    )


@cache
def _annotation() -> re.Pattern[str]:
    """A type, and then the sign before the value, if there is one: `token: str | None = "x"`."""
    return re.compile(
        r"(?:typing\.)?(?:Optional\[)?(?:str|bytes|SecretStr)\]?(?: \| None)?"
        r"(?:(?P<sign>[ \t]{0,8}=[ \t]{0,8})|(?=[ \t]{0,8}[,)\n]))"
    )


@cache
def _plain() -> re.Pattern[str]:
    """A plain value of YAML: to ` #`, or to the next key in the same line."""
    return re.compile(
        r"(?:[^\n#,]|(?<![ \t])#|,(?![ \t]{1,8}[\"']?[\w-]{1,60}[\"']?[ \t]{0,4}[:=])){1,8000}"
        r"(?<![ \t\r])"
    )


@cache
def _mapping() -> re.Pattern[str]:
    """What begins a mapping in a line: its items are looked at one by one."""
    return re.compile(r"\{[ \t]{0,8}[\"']?[\w$@-]{1,60}[\"']?:[ \t]")


@cache
def _piece() -> re.Pattern[str]:
    return re.compile(r"[^\s\"'&|;<>\\]{1,8000}|\\[^\n]|[\"']|\\")


@cache
def _quoted(quote: str) -> re.Pattern[str]:
    return re.compile(rf"{quote}(?:[^{quote}\\]|\\[\s\S]){{0,8000}}{quote}")


@cache
def _quoted_in_line(quote: str) -> re.Pattern[str]:
    return re.compile(rf"{quote}(?:[^{quote}\\\n]|\\.){{0,1000}}{quote}")


@cache
def _begins() -> re.Pattern[str]:
    return re.compile(r"[\w$!@#%^*~]")


@cache
def _goes_on() -> re.Pattern[str]:
    return re.compile(r"[\w\"'\\$@%!^*~/-]")


@cache
def _string() -> re.Pattern[str]:
    return re.compile(r"\"(?:[^\"\\\n]|\\.){0,2000}\"|'(?:[^'\\\n]|\\.){0,2000}'")


@cache
def _strings() -> re.Pattern[str]:
    """Strings in brackets, in one line or in several: an argument, a list."""
    return re.compile(rf"[(\[][\s+-]{{0,80}}(?:(?:{_string().pattern})[\s,+-]{{0,80}}){{1,50}}")


@cache
def _block() -> re.Pattern[str]:
    """A key of YAML whose value is the indented lines below it, or the items of a list."""
    return re.compile(
        r"(?P<head>^(?P<indent>[ \t+-]{0,40})[\"']?(?P<name>[A-Za-z_][\w.-]{0,120})[\"']?:[ \t]*"
        r"(?P<sign>[|>][+-]?\d?)?[ \t]*\n)"
        r"(?P<lines>(?(sign)(?:(?:[ \t]{0,80}\n){0,20}(?P=indent)[ \t]+[^\n]+(?:\n|\Z)){1,500}"
        r"|(?:(?P=indent)[ \t]*-[ \t]+[^\n]+(?:\n|\Z)){1,500}))",
        re.MULTILINE,
    )
