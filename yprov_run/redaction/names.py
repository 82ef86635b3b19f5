"""Which names say that what they name is a credential: of variables, options and keys.

Without regular expressions: the launch waits for this.
"""

from __future__ import annotations

_WORDS = frozenset((
    "token", "jwt", "pat", "pwd", "auth", "authorization", "cookie", "cookies", "private",
    "bearer", "cred", "creds", "credential", "credentials", "secret", "secrets", "apikey",
    "authkey", "accesskey", "privatekey", "secretkey", "passcode",
))  # fmt: skip
_ENDINGS = (
    "password", "passwords", "passwd", "passphrase", "passw", "secret", "apikey", "authtoken",
    "accesstoken", "apitoken", "passwort",
)  # fmt: skip
_KEYS = frozenset((
    "api", "private", "access", "auth", "secret", "account", "encryption", "signing", "master",
    "storage", "license",
))  # fmt: skip
# Words of machine learning and of programs: `pad_token`, `max_token`, `token_path`, `auth_type`.
_OTHER_TOKENS = frozenset((
    "pad", "eos", "bos", "unk", "sep", "cls", "mask", "stop", "special", "max", "min", "num", "n",
    "per", "image", "next", "first", "last", "end", "start", "new",
))  # fmt: skip
_PLACES = frozenset((
    "path", "file", "dir", "folder", "sock", "socket", "name", "type", "method", "mode", "ids",
    "length", "len", "count", "limit", "size", "ttl", "timeout", "expiry", "url", "uri", "endpoint",
    "enabled", "parallelism", "provider", "plugin", "format", "env", "var", "header", "age",
))  # fmt: skip
_SURE = ("password", "passwd", "passphrase", "secret", "credential")
_NO_SECRETS = frozenset((
    "", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1", "str", "int",
    "bytes", "bool", "string", "basic", "digest", "kerberos", "gssapi", "negotiate", "oauth",
    "oauth2", "munge", "ldap", "pam", "auto", "plain", "required", "optional", "default", "always",
    "never", "{", "[", "(", "|", ">", "...", "<redacted>", "any", "optional[str]",
))  # fmt: skip


# One of these is in every name that says so.
_STEMS = (
    "token", "secret", "passw", "passphrase", "passcode", "cred", "key", "auth", "cookie", "jwt",
    "private", "pat", "pwd", "bearer",
)  # fmt: skip


def may_name_secret(text: str) -> bool:
    """Tell, at little cost, whether a text could hold the name of a credential."""
    lower = text.lower()
    return any(stem in lower for stem in _STEMS)


def is_secret_name(name: str) -> bool:
    """Tell whether a variable, an option or a key of this name holds a credential.

    By whole words, so that `--max-tokens`, `--tokenizer`, `monkey` and `--author` do not.
    """
    if name in {"PWD", "OLDPWD"}:
        return False
    words = _words_of(name)
    if not words or words[-1] in _PLACES:
        return False
    for before, word in zip(["", *words], words, strict=False):
        if word in _WORDS and not (word == "token" and before in _OTHER_TOKENS):
            return True
        if word.endswith(_ENDINGS):
            return True
        if word == "key" and before in _KEYS:
            return True
    return False


def can_be_secret(name: str, value: str) -> bool:
    """Tell whether the value of something with a secret name can be one at all.

    A truth, a type, a reference to a variable, or a path of what is only the name of a folder or
    socket is none.
    """
    value = value.strip().strip("\"'").strip()
    if value.lower().rstrip(",;)") in _NO_SECRETS or value.startswith(("$", "{{", "<", "%(")):
        return False
    if value.isdigit() and len(value) < 4:
        return False
    if value.startswith(("/", "./", "~/", "../")) and not any(c in value for c in "+= "):
        return any(sure in name.lower() for sure in _SURE) and "credential" not in name.lower()
    return True


def _words_of(name: str) -> list[str]:
    """Return a name's words in lower case: at `-_.` and other signs, and at `aB`."""
    words: list[str] = []
    word = ""
    for before, letter in zip(" " + name, name, strict=False):
        if not letter.isalnum() or (letter.isupper() and before.islower()):
            words.append(word)
            word = ""
        if letter.isalnum():
            word += letter
    words.append(word)
    return [word.lower() for word in words if word]
