"""Keep secrets off the disk, in arguments, variables and any text that is captured.

Credentials are told by their names (`names.py`), by their shapes (`shapes.py`), and by
their place: after an option or a key of such a name, or where a known program takes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from yprov_run.redaction.names import can_be_secret, is_secret_name, may_name_secret
from yprov_run.redaction.shapes import REDACTED, may_have_shape, replace_shapes

__all__ = [
    "REDACTED", "is_secret_name", "redact_argv", "redact_json", "redact_text", "redact_variable",
]  # fmt: skip

# Programs that take a credential after a short option, or in one word with it.
_AFTER: Mapping[str, tuple[str, ...]] = {
    "sshpass": ("-p",), "docker": ("-p",), "podman": ("-p",), "apptainer": ("-p",),
    "singularity": ("-p",), "nerdctl": ("-p",), "helm": ("-p",), "az": ("-p",),
    "mysql": ("-p",), "mysqldump": ("-p",), "mariadb": ("-p",), "mariadb-dump": ("-p",),
    "redis-cli": ("-a",), "curl": ("-u", "-U", "--user", "--proxy-user", "--oauth2-bearer"),
    "http": ("-a", "--auth"), "https": ("-a", "--auth"), "ldapsearch": ("-w",),
    "mongo": ("-p",), "mongosh": ("-p",), "mongodump": ("-p",), "sqlcmd": ("-P",),
    "smbclient": ("-U",), "7z": ("-p",), "zip": ("-P",), "unzip": ("-P",), "rclone": (),
    "twine": ("-p",), "influx": ("-t",), "mosquitto_pub": ("-P",), "mosquitto_sub": ("-P",),
    "openssl": ("-pass", "-passin", "-passout", "-k"), "gpg": ("--passphrase",),
}  # fmt: skip
_JOINED = frozenset(("mysql", "mysqldump", "mariadb", "mariadb-dump", "7z", "mongo", "sshpass"))
# A word of these after the client's name is what the credential stands after.
_WORDS_BEFORE: Mapping[str, tuple[str, ...]] = {"wandb": ("login",), "comet": ("login",)}
_USER_FIRST = frozenset(("curl", "http", "https"))


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments with every credential replaced that its name, place or shape tells."""
    return _redact_words(list(argv), redact_text)


def redact_variable(name: str, value: str) -> str:
    """Return a variable's value with its credentials replaced, by its name or their shapes."""
    if may_name_secret(name) and is_secret_name(name) and can_be_secret(name, value):
        return REDACTED
    return redact_text(value)


def redact_text(text: str) -> str:
    """Return any text (a word, a script, a diff, a configuration file) with its secrets replaced.

    Lines stay lines. A plain word costs a few searches for substrings and nothing more.
    """
    if may_have_shape(text):
        text = replace_shapes(text)
    named = may_name_secret(text)
    if named and _is_assignment(text):
        name, _, value = text.partition("=")
        secret = is_secret_name(name) and can_be_secret(name, value)
        return f"{name}={REDACTED}" if secret else text
    if named and ("=" in text or ":" in text):
        text = _redact_assignments(_block().sub(_redact_block, text))
    if (" " in text or "\t" in text) and (
        named or any(name in text for name in (*_AFTER, *_WORDS_BEFORE))
    ):
        text = _commands().sub(_redact_line, text)
    return text


def _is_assignment(text: str) -> bool:
    """Tell whether a text is one word with one `=`: the usual argument, without an expression."""
    return text.count("=") == 1 and not any(sign in text for sign in ":\"' \t\n")


def redact_json(value: object, name: str = "") -> object:
    """Return a structure of JSON with the secrets in its texts replaced, by key or by shape."""
    if isinstance(value, str):
        return redact_variable(name, value)
    if isinstance(value, dict):
        return {key: redact_json(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_json(item, name) for item in value]
    return value


def _redact_words(words: list[str], redact: Callable[[str], str]) -> list[str]:
    result: list[str] = []
    client, hide = "", ""
    for word in words:
        if hide and not word.startswith("--"):
            result.append(_hidden(client, hide, word))
            hide = ""
            continue
        plain = word.lstrip("+").strip("\"'")
        if "=" in plain:  # --wrap="mysql -pX"
            plain = plain.rpartition("=")[2].strip("\"'")
        name = plain.rpartition("/")[2]
        if name in _AFTER or name in _WORDS_BEFORE:
            client = name
        hide = _hides_next(client, plain)
        joined = client in _JOINED and plain.startswith("-p") and len(plain) > 2
        if joined and not plain.startswith("-p$"):
            result.append(f"-p{REDACTED}")
        else:
            result.append(redact(word))
    return result


def _hides_next(client: str, word: str) -> str:
    """Return the option whose value the next word is, if that is a credential; else empty."""
    if client and (word in _AFTER.get(client, ()) or word in _WORDS_BEFORE.get(client, ())):
        return word
    is_option = word.startswith("-") and not any(sign in word for sign in "=: ")
    if is_option and is_secret_name(word):
        return word
    return ""


def _hidden(client: str, option: str, word: str) -> str:
    quote = word[0] if word[:1] in {'"', "'"} and word[-1:] == word[:1] and len(word) > 1 else ""
    value = word.strip("\"'")
    if not can_be_secret(option, value):
        return word
    if client in _USER_FIRST and not is_secret_name(option):
        user, colon, _ = value.partition(":")
        return f"{quote}{user}:{REDACTED}{quote}" if colon else word
    return f"{quote}{REDACTED}{quote}"


def _redact_line(match: re.Match[str]) -> str:
    """Redact one line of a script as the words of a command."""
    parts = re.split(r"([^\S\n]+)", match[0])
    words = _redact_words(parts[::2], lambda word: word)
    parts[::2] = words
    return "".join(parts)


def _redact_assignments(text: str) -> str:
    """Replace the values of all names that say that they are secret; linear in the text."""
    parts, done = [], 0
    head, value = _head(), _value()
    position = 0
    while found := head.search(text, position):
        position = found.end()
        if not is_secret_name(found["name"]):
            continue
        match = value.match(text, position)
        if match is None or REDACTED in match[0] or not can_be_secret(found["name"], match[0]):
            continue
        if _call().match(match[0]):
            continue
        parts += [text[done:position], _hidden_value(match[0])]
        done = position = match.end()
    return "".join([*parts, text[done:]])


def _hidden_value(value: str) -> str:
    quote = value[0] if value[0] in "\"'" else ""
    end = value[-1] if not quote and value[-1] in ",;)}]" and len(value) > 1 else ""
    return f"{quote}{REDACTED}{quote}{end}"


def _redact_block(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    return f"{match['before']}{match['indent']}  {REDACTED}\n"


@cache
def _head() -> re.Pattern[str]:
    """A name with what stands between it and its value: `=`, `:`, `:=`, `=>`, in quotes or not."""
    return re.compile(
        r"(?<![\w.])(?P<name>[A-Za-z_][\w.-]{0,120})(?:\\?[\"'])?\]?[ \t]{0,8}"
        r"(?:=>|:=|==|=|:)[ \t]{0,8}\\?"
    )


@cache
def _value() -> re.Pattern[str]:
    """A value: to its closing quote, or where a plain one ends.

    After `: ` and ` = `, as in YAML and INI, a plain value goes to the end of the line.
    """
    return re.compile(
        r"\"(?:[^\"\\\n]|\\.){0,8000}\"|'(?:[^'\\\n]|\\.){0,8000}'"
        r"|(?:(?<=: )|(?<= = ))[^\s\"'#,\[{][^\n#,]{0,8000}|[^\s\"'&|;<>]{1,8000}"
    )


@cache
def _block() -> re.Pattern[str]:
    """A key of YAML whose value is the indented lines below it."""
    return re.compile(
        r"(?P<before>^(?P<indent>[ \t+-]{0,40})(?P<name>[A-Za-z_][\w.-]{0,120})[\"']?:"
        r"[ \t]*[|>][+-]?\d?[ \t]*\n)"
        r"(?:(?P=indent)[ \t]+[^\n]*(?:\n|\Z)){1,500}",
        re.MULTILINE,
    )


@cache
def _commands() -> re.Pattern[str]:
    """A line that has an option of some kind, or a program that is given credentials."""
    return re.compile(r"^[^\n]*(?:(?<![\w])--?[A-Za-z]|\blogin\b)[^\n]*", re.MULTILINE)


@cache
def _call() -> re.Pattern[str]:
    """A value that is a program's expression, not a text."""
    return re.compile(r"[A-Za-z_][\w.]{0,100}(?:\(|\[[\"'])|(?:self|args|config|cfg|os|env)\.\w")
