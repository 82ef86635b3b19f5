"""Credentials in calls and elements, where the name is a string of its own or stands elsewhere.

`os.environ.setdefault("API_KEY", "...")`, `add_argument("--token", default="...")`, `<password>`.
Loaded where a text has such a name; linear in the text.
"""

from __future__ import annotations

import re
from functools import cache

from yprov_run.redaction.names import is_secret_name
from yprov_run.redaction.shapes import hidden_lines
from yprov_run.redaction.values import can_be_in_text

# Within a string of a notebook its quotes are escaped.
_STRING = (
    r"(?:\"(?:[^\"\\\n]|\\.){0,2000}\"|'(?:[^'\\\n]|\\.){0,2000}'"
    r"|\\\"[^\"\\\n]{0,2000}\\\")"
)
_VALUE = rf"(?P<value>{_STRING}|[^\s\"',}}]{{1,2000}})"
# What holds the value of the thing around it: in PROV-JSON, JSON-LD, W&B's and Terraform's files.
_IS = r"[\"']?[ \t]{0,8}[:=][ \t]{0,8}"
_HOLDER = rf"[\"']?(?:\$|@?value|default){_IS}"
_ENTRY = rf"[\"']?[\w:@]{{1,40}}{_IS}(?:{_STRING}|[^\s\"',{{}}]{{1,200}})"
_NAME = r"\\?[\"'](?P<name>[\w.-]{1,120})\\?[\"']"
# A part of it that must be there, and the expression; without a name it is one of `key`.
_FORMS = (
    (
        "(",
        rf"(?:env|default|get|set|pop|define)\(\s{{0,80}}(?:{_STRING}\s{{0,8}},\s{{0,8}})?"
        rf"{_NAME}\s{{0,80}},\s{{0,80}}(?P<value>{_STRING})",
    ),
    (
        "Auth(",
        rf"\w{{0,40}}Auth\(\s{{0,80}}(?:{_STRING}|[\w.=]{{1,80}})\s{{0,8}},\s{{0,80}}"
        rf"(?:\w{{1,40}}\s{{0,4}}=\s{{0,4}})?(?P<value>{_STRING})",
    ),
    # words of a command, in a list of code, of JSON or of YAML
    (
        "--",
        rf"\\?[\"'](?P<name>--[A-Za-z][\w-]{{0,80}})\\?[\"'],\s{{0,80}}(?!\\?[\"']-)"
        rf"(?P<value>{_STRING})",
    ),
    (
        "- ",
        r"(?m)^[ \t]{0,40}-[ \t]{1,8}[\"']?(?P<name>--[A-Za-z][\w-]{0,80})[\"']?[ \t]{0,8}\n"
        rf"[ \t]{{0,40}}-[ \t]{{1,8}}(?P<value>{_STRING}|[^\s\"'#-][^\n#]{{0,2000}})",
    ),
    ("login(", rf"\blogin\([^)]{{0,200}}?\bkey\s{{0,4}}=\s{{0,4}}(?P<value>{_STRING})"),
    (
        "username",
        rf"[\"']username[\"']\s{{0,8}}:\s{{0,8}}{_STRING}\s{{0,8}},\s{{0,80}}"
        rf"[\"']key[\"']\s{{0,8}}:\s{{0,8}}(?P<value>{_STRING})",
    ),
    ("value=", rf"\b(?:key|name)={_NAME}\s{{1,80}}value=(?P<value>{_STRING})"),
    (" or ", rf"(?:env|get)\({_NAME}\)\s{{1,4}}or\s{{1,4}}(?P<value>{_STRING})"),
    (
        "value",
        rf"\bname[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?P<name>[\w.-]{{1,120}})[\"']?,?\s{{1,80}}"
        rf"[\"']?value[\"']?\s{{0,4}}[:=]\s{{0,4}}{_VALUE}",
    ),
    (
        "{",
        r"(?<![\w.-])[\"']?(?P<name>[A-Za-z_][\w.-]{0,120})[\"']?[ \t]{0,8}[:=]?[ \t]{0,8}"
        rf"\{{\s{{0,80}}(?:{_ENTRY},?\s{{1,80}}){{0,4}}?{_HOLDER}{_VALUE}",
    ),
    (
        "value:",
        r"(?m)^(?P<indent>[ \t]{0,40})[\"']?(?P<name>[A-Za-z_][\w.-]{0,120})[\"']?:[ \t]{0,8}\n"
        r"(?:(?P=indent)[ \t]{1,40}\w[^\n]{0,200}\n){0,4}?(?P=indent)[ \t]{1,40}"
        rf"{_HOLDER}(?P<value>{_STRING}|[^\s\"'#{{\[][^\n#]{{0,2000}})",
    ),
    *(
        (
            f"{kind}(",
            rf"(?<!\w)(?P<name>[A-Za-z_]\w{{0,80}})(?::[^=\n]{{1,80}}=|\s{{0,4}}=)\s{{0,4}}"
            rf"[\w.]{{0,40}}{kind}\(\s{{0,80}}(?:default\s{{0,4}}=\s{{0,4}})?(?P<value>{_STRING})",
        )
        for kind in ("Option", "Argument", "Field", "field", "SecretStr")
    ),
    (
        "</",
        r"<(?P<name>[A-Za-z][\w.:-]{0,80})(?:\s[^<>\n]{0,200})?>(?P<value>[^<>]{1,2000})(?=</)",
    ),
)


def redact_code(text: str) -> str:
    """Return a text with the credentials replaced that it gives to calls, or has in elements."""
    for hint, pattern in _FORMS:
        if hint in text:
            text = _form(pattern).sub(_redact, text)
    return _redact_defaults(text) if "default" in text else text


def _redact(match: re.Match[str]) -> str:
    name = match.groupdict().get("name", "api_key")
    # Elements named `token` are words of a text.
    if name == "token" and match[0][0] == "<":
        return match[0]
    value = match["value"].replace("\\", "") if match["value"][0] == "\\" else match["value"]
    if not is_secret_name(name) or not can_be_in_text(name, value):
        return match[0]
    # The name of the variable that a parser has an option under.
    if name[:2] == "--" and is_secret_name(value):
        return match[0]
    start = match.start("value") - match.start()
    return match[0][:start] + _hidden(match["value"])


def _redact_defaults(text: str) -> str:
    """Replace what an option with a secret name has where it is not given."""
    parts, done = [], 0
    for option in _option().finditer(text):
        if option.start() < done or not is_secret_name(option["name"]):
            continue
        value = _default().match(text, option.end())
        if value and can_be_in_text(option["name"], value["value"]):
            parts += [text[done : value.start("value")], _hidden(value["value"])]
            done = value.end()
    return "".join([*parts, text[done:]])


def _hidden(value: str) -> str:
    quote = value[: 1 + (value[0] == "\\")] if value[0] in "\\\"'" else ""
    return f"{quote}{hidden_lines(value)}{quote}"


@cache
def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _option() -> re.Pattern[str]:
    return re.compile(r"[\"']--?(?P<name>[A-Za-z][\w-]{0,80})[\"']")


@cache
def _default() -> re.Pattern[str]:
    """What an option's declaration has as its default: before the next option's."""
    return re.compile(
        rf"(?:(?![\"']--)[\s\S]){{0,300}}?\bdefault\s{{0,4}}=\s{{0,4}}(?P<value>{_STRING})"
    )
