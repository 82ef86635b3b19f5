"""Credentials by their place in a command: after an option, or where a known program takes one.

The words are those of a command line, or of a line in a text (`lines.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from yprov_run.redaction.names import is_secret_name
from yprov_run.redaction.shapes import REDACTED, hidden_lines
from yprov_run.redaction.values import can_be_in_text, can_be_secret, looks_random

# Programs that take a credential after a short option, or in one word with it.
_AFTER: Mapping[str, tuple[str, ...]] = {
    "sshpass": ("-p",), "az": ("-p",), "twine": ("-p",), "influx": ("-t",),
    "mysql": ("-p",), "mysqldump": ("-p",), "mariadb": ("-p",), "mariadb-dump": ("-p",),
    "redis-cli": ("-a",), "curl": ("-u", "-U", "--user", "--proxy-user", "--oauth2-bearer"),
    "http": ("-a", "--auth"), "https": ("-a", "--auth"), "ldapsearch": ("-w",),
    "mongo": ("-p",), "mongosh": ("-p",), "mongodump": ("-p",), "sqlcmd": ("-P",),
    "smbclient": ("-U",), "7z": ("-p",), "zip": ("-P",), "unzip": ("-P",),
    "mosquitto_pub": ("-P",), "mosquitto_sub": ("-P",),
    "openssl": ("-pass", "-passin", "-passout", "-k"), "gpg": ("--passphrase",),
}  # fmt: skip
# Of these `-p` is a password behind `login` only: of `docker run` it is a port.
_LOGINS = frozenset(("docker", "podman", "apptainer", "singularity", "nerdctl", "helm"))
_JOINED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("mysql", "mysqldump", "mariadb", "mariadb-dump", "7z", "mongo", "sshpass", *_LOGINS),
        ("-p",),
    ),
    **dict.fromkeys(("zip", "unzip", "sqlcmd"), ("-P",)),
    "curl": ("-u", "-U"), "http": ("-a",), "https": ("-a",),
}  # fmt: skip
# A word of these after the client's name is what the credential stands after, its options skipped.
_WORDS_BEFORE: Mapping[str, tuple[str, ...]] = {"wandb": ("login",), "comet": ("login",)}
_VALUES_BETWEEN = frozenset(("--host",))
# Behind such a word of these the name of a credential stands alone, and then the credential.
_SETTERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("setenv", "pushenv", "ENV", "%env", "setx"), ()),
    "set": ("-x", "-gx", "-Ux"), "aws": ("configure",), "dvc": ("remote",),
    **dict.fromkeys(
        ("rclone", "git", "pip", "pip3", "npm", "conda", "mamba", "poetry", "gcloud"), ("config",),
    ),
}  # fmt: skip
# Launchers of MPICH's kind have a variable's name and its value as two words behind these.
_PAIRS = frozenset(("-genv", "-env"))
_MANY = ("keys", "secrets", "tokens", "passwords")
_USER_FIRST = frozenset(("curl", "http", "https"))
_CLIENTS = frozenset((*_AFTER, *_LOGINS, *_WORDS_BEFORE, *_SETTERS))
# Between two commands, or what is no word of the command: not a credential.
_BETWEEN = frozenset((";", "&&", "||", "|", "&", ">", ">>", "<", "<<<", "2>", "2>&1", "&>"))
# The name behind one of these is a user's, not a client's.
_USERS = frozenset(("-u", "--user", "--username"))


class _Command:
    """Goes through the words of a command, and replaces those whose place is a credential's."""

    def __init__(self, in_text: bool) -> None:
        self._in_text = in_text
        self._before = ""
        self._end()

    def _end(self) -> None:
        self._client = self._hide = self._more = ""
        self._has_login = self._sets = self._skip = False

    def take(self, word: str) -> str | None:
        """Return a word without its credential; None if its place tells of none."""
        if word in _BETWEEN:
            self._end()
            return word
        bare = word.lstrip("+").strip("\"'")
        if self._skip:
            self._skip = False
            return None
        if self._hide and self._is_value(bare):
            hidden = self._hidden(self._hide, word)
            # An option of several may be given further ones, or be followed by what is none.
            self._more = self._hide if self._hide.lower().endswith(_MANY) else ""
            self._hide = ""
            return hidden
        if self._more and self._is_value(bare) and looks_random(bare, least=4) and "." not in bare:
            return self._hidden(self._more, word)
        self._more = ""
        self._look(bare)
        self._before = bare
        joined = self._joined(word, bare)
        if self._in_text and word[-1:] == ";":
            self._end()
        return joined

    def _is_login(self) -> bool:
        """Tell whether we wait for the key of a login, with options before it."""
        return self._hide in _WORDS_BEFORE.get(self._client, ())

    def _is_value(self, word: str) -> bool:
        if self._is_login() and word[:1] == "-":
            self._skip = word in _VALUES_BETWEEN
            return False
        return not _is_option(word)

    def _look(self, word: str) -> None:
        """See what a word says of the next one."""
        is_login = self._is_login()
        if "=" in word:  # --wrap="mysql -pX"
            word = word.rpartition("=")[2].strip("\"'")
        name = word.rpartition("/")[2]
        if name in _CLIENTS and not self._sets and self._before not in _USERS:
            self._end()
            self._client, self._sets = name, _SETTERS.get(name) == ()
            return
        self._has_login = self._has_login or (word == "login" and self._client in _LOGINS)
        self._sets = self._sets or word in _SETTERS.get(self._client, ())
        if not is_login:
            self._hide = word if self._asks(word) else ""

    def _asks(self, word: str) -> bool:
        """Tell whether the word after this one is a credential."""
        if word in _AFTER.get(self._client, ()) or word in _WORDS_BEFORE.get(self._client, ()):
            return True
        if word == "-p" and self._has_login:
            return True
        if any(sign in word for sign in "=: /"):
            return False
        if self._client == "curl" and 2 < len(word) < 8 and word[-1] == "u":  # -sSu
            return word[0] == "-" and word[1:].isalpha()
        is_name = word[:1] == "-" or self._sets or self._before in _PAIRS
        return is_name and is_secret_name(word)

    def _joined(self, word: str, bare: str) -> str | None:
        option = bare[:2]
        if len(bare) < 3 or option not in _JOINED.get(self._client, ()):
            return None
        if self._client in _LOGINS and not self._has_login:
            return None
        start, _, rest = word.partition(option)
        hidden = self._hidden(option, rest)
        return None if hidden == rest else f"{start}{option}{hidden}"

    def _hidden(self, option: str, word: str) -> str:
        quote = word[0] if word[:1] in {'"', "'"} else ""
        if word.strip("\"',)]") == REDACTED:  # by what looks at strings
            return word
        if not (can_be_in_text if self._in_text else can_be_secret)(option, word):
            return word
        if self._client in _USER_FIRST and not is_secret_name(option):
            user, colon, _ = word.strip("\"'").partition(":")
            return f"{quote}{user}:{REDACTED}{quote}" if colon else word
        end = quote if word[-1:] == quote else ""
        return f"{quote}{hidden_lines(word)}{end}"


def redact_words(
    words: Iterable[str], redact: Callable[[str, str], str], in_text: bool = False
) -> list[str]:
    """Return a command's words; `redact` makes those whose place tells nothing.

    It is given the word and the one before. In a text the words are as a shell reads them.
    """
    command, before = _Command(in_text), ""
    result = []
    for word in words:
        taken = command.take(word)
        result.append(redact(word, before) if taken is None else taken)
        before = word
    return result


def may_have_command(text: str) -> bool:
    """Tell, at little cost, whether a text could hold a command that is given a credential."""
    return any(name in text for name in _CLIENTS)


def _is_option(word: str) -> bool:
    """Tell whether a word is an option as programs have them, and no password that begins so."""
    if len(word) == 2 and word[0] == "-":
        return True
    if not word.startswith("--"):
        return False
    parts = word[2:].partition("=")[0].replace("_", "-").split("-")
    letters = [part.rstrip("0123456789") for part in parts]
    return parts != [""] and all(
        not part or (part.isalpha() and part.islower()) for part in letters
    )
