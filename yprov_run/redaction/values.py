"""Which values can be a credential at all, where the name says that they are one.

A word of a command, a variable and a value of JSON are what the program gets. What stands in a
script or in code may be a reference to a variable, or an expression: that is none.
"""

from __future__ import annotations

import re
from functools import cache

# Whatever looks like a path or a number under these is a credential all the same.
_SURE = ("passw", "passphrase", "secret")
# What these name is mostly a file, also in a variable.
_FILES = ("credential", "cookie", "private", "ssh")
_NO_SECRETS = frozenset((
    "", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1", "str", "int",
    "bytes", "bool", "string", "basic", "digest", "kerberos", "gssapi", "negotiate", "oauth",
    "oauth2", "munge", "ldap", "pam", "auto", "plain", "required", "optional", "default", "always",
    "never", "{", "[", "(", "|", ">", "...", "<redacted>", "any", "optional[str]",
))  # fmt: skip
_PATHS = ("/", "./", "~/", "../")


def can_be_secret(name: str, value: str) -> bool:
    """Tell whether the value of something with a secret name can be one, where nothing expands it.

    A truth, a type, a small number, a placeholder, or the path of what mostly is a file is none.
    """
    bare = value.strip().strip("\"'").strip()
    if bare.lower().rstrip(",;)") in _NO_SECRETS or (bare[0] == "<" and bare[-1] == ">"):
        return False
    if (bare.isdigit() and len(bare) < 4) or (_is_number(bare) and _counts(name)):
        return False
    if bare.isdigit() and name.lower().endswith("token_id"):
        return False
    # Tokens are mostly words of a text, or how many; `HF_TOKENS` are not.
    if name.lower().endswith("tokens") and name != name.upper() and not looks_random(bare):
        return False
    # The key of an entry in some store, or that of the account: what is one has no dots.
    if name.endswith(("storage_key", "s3_key")) and ("." in bare or not looks_random(bare)):
        return False
    if name in {"PWD", "OLDPWD"} and bare[0] == "/":  # a shell's folder
        return False
    return not (_is_path(bare) and any(kind in name.lower() for kind in _FILES))


def can_be_in_text(name: str, value: str) -> bool:
    """Tell the same of what stands in a script, in code, in a configuration file."""
    bare = value.strip().strip("\"'").strip()
    if not can_be_secret(name, value) or bare.rstrip(",;)") == name:
        return False
    if value[0] not in "\"'" and bare.partition(", ")[0].rstrip(" )").lower() in _NO_SECRETS:
        return False  # a type, and further arguments
    if bare.startswith(("{{", "%(", "<%")) or (bare.count("`") > 1 and value[0] != "'"):
        return False
    if bare[0] == "$" and _reference().fullmatch(bare):
        # In single quotes a shell would not expand it; and names are rarely as keys are.
        return _is_mixed(bare) and (value[:2] == "'$" or looks_random(bare, least=4))
    return not (_is_path(bare) and not any(sure in name.lower() for sure in _SURE))


def _counts(name: str) -> bool:
    """Tell whether a number below a name is a measure: `--token-dropout 0.1`, `n_tokens: 1e9`."""
    return not any(sure in name.lower() for sure in _SURE)


def _is_number(value: str) -> bool:
    """Tell whether a value is a number that is no PIN: 0.1, 1e-4, 300B, 1_000, 4,096."""
    digits = value.rstrip("kKMBT")
    if digits.isdigit() and digits == value:
        return False
    digits = digits.replace("_", "").replace(",", "")
    return digits.replace("e-", "").replace("e", "").replace(".", "").isdigit()


def looks_random(value: str, least: int = 8) -> bool:
    """Tell whether a value is of letters and digits, as keys are, and not short."""
    has_letter = any(letter.isalpha() for letter in value)
    has_digit = any(letter.isdigit() for letter in value)
    has_other = any(sign in value for sign in " ([")
    return len(value) >= least and has_letter and has_digit and not has_other


def _is_mixed(value: str) -> bool:
    """Tell whether a word has small and capital letters: `$Zq7x`, unlike `$NAME` and `$name`."""
    return value[1:].isalnum() and value not in {value.lower(), value.upper()}


def _is_path(value: str) -> bool:
    """Tell whether a value is a path that a person would write, not base64 that begins with `/`."""
    if not value.startswith(_PATHS) or any(sign in value for sign in "+= "):
        return False
    if value[0] == "/" and not any(sign in value[1:] for sign in "/."):
        return False
    return not any(len(part) >= 12 and _is_coded(part) for part in value.split("/"))


def _is_coded(part: str) -> bool:
    return part not in {part.lower(), part.upper()} and any(sign.isdigit() for sign in part)


@cache
def _reference() -> re.Pattern[str]:
    """A reference to variables or to a command's output, with little around it, or a path."""
    one = r"\$(?:[A-Za-z_]\w*|[0-9@*#?]|\{[^}\n]*\}{1,2}|[\[(][^\n]*)"
    return re.compile(rf"{one}(?:[^\w$]{{0,4}}{one}){{0,9}}(?:[^\w$]{{0,4}}|/[^\s$]*)")
