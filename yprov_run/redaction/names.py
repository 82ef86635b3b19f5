"""Which names say that what they name is a credential: of variables, options and keys.

Without regular expressions: the launch waits for this.
"""

from __future__ import annotations

_WORDS = frozenset((
    "jwt", "pat", "pwd", "auth", "authorization", "cookie", "cookies", "private", "bearer", "cred",
    "creds", "credential", "credentials", "secret", "secrets", "authkey", "passcode",
))  # fmt: skip
_ENDINGS = (
    "passphrase", "secret", "secrets", "credential", "credentials", "cookie", "jwt", "auth",
)  # fmt: skip
# What ends so and says the contrary; `oauth` counts only at the end: `oauth_client_id`.
_NO_ENDINGS = frozenset(("noauth", "unauth", "reauth", "preauth", "deauth", "oauth"))
# Whose keys are credentials; `primary_key`, `sort_key` and `hotkey` are not among them.
_KEYS = frozenset((
    "api", "private", "access", "auth", "secret", "account", "encryption", "decryption", "signing",
    "master", "storage", "license", "subscription", "ssh", "rsa", "aes", "hmac", "gpg", "pgp",
    "functions", "consumer", "deploy", "ingest", "ingestion",
    "anthropic", "aws", "azure", "claude", "clearml", "cohere", "comet", "dagshub", "datadog",
    "deepseek", "fireworks", "gemini", "github", "gitlab", "google", "groq", "hf", "huggingface",
    "kaggle", "langchain", "langsmith", "mistral", "mlflow", "neptune", "ngc", "nvidia", "openai",
    "openrouter", "perplexity", "pinecone", "replicate", "sendgrid", "sentry", "serpapi", "slack",
    "stripe", "tavily", "together", "twilio", "voyage", "wandb",
))  # fmt: skip
# Words of machine learning and of programs: `pad_token`, `max_token`, `token_path`, `auth_type`.
_OTHER_TOKENS = frozenset((
    "pad", "eos", "bos", "unk", "sep", "cls", "mask", "stop", "special", "max", "min", "num", "n",
    "per", "image", "next", "first", "last", "end", "start", "sub", "pre", "de", "non", "multi",
))  # fmt: skip
# Tokens in the plural are mostly counted.
_COUNTED_TOKENS = frozenset((
    "new", "total", "input", "output", "prompt", "completion", "train", "training", "eval", "val",
    "valid", "validation", "test", "seen", "batch", "warmup", "generated", "context", "text",
    "audio", "video", "vision", "visual", "extra", "added", "additional", "virtual", "register",
    "sampled", "draft", "cached", "processed", "consumed", "target", "source", "ignored", "all",
    "reserved", "reasoning", "thinking", "soft", "latent", "memory", "common",
))  # fmt: skip
# Passes of a computation, of a filter, of a test.
_OTHER_PASSES = frozenset((
    "n", "num", "forward", "backward", "fwd", "bwd", "first", "second", "third", "last", "final",
    "next", "single", "one", "two", "three", "multi", "per", "test", "tests", "data", "low", "high",
    "band", "all", "max", "min", "by", "render", "dry", "did", "is", "this", "each", "warmup",
    "pre", "post", "early", "train", "eval", "quality", "current", "cur", "full", "check", "checks",
))  # fmt: skip
_PASS_OWNERS = frozenset((
    "user", "db", "my", "mysql", "sql", "pg", "root", "admin", "smtp", "ftp", "mail", "http", "key",
    "store", "ssh", "ldap", "redis", "mongo", "proxy", "login",
))  # fmt: skip
_PLACES = frozenset((
    "path", "file", "dir", "folder", "sock", "socket", "name", "type", "method", "mode", "ids",
    "length", "len", "count", "limit", "size", "ttl", "timeout", "expiry", "url", "uri", "endpoint",
    "enabled", "parallelism", "provider", "plugin", "format", "env", "var", "header", "age",
    "stdin", "helper",
))  # fmt: skip


# One of these is in every name that says so.
STEMS = (
    "token", "secret", "pass", "cred", "key", "auth", "cookie", "jwt", "private", "pat", "pwd",
    "bearer",
)  # fmt: skip


def may_name_secret(text: str) -> bool:
    """Tell, at little cost, whether a text could hold the name of a credential."""
    lower = text.lower()
    return any(stem in lower for stem in STEMS)


def is_secret_name(name: str) -> bool:
    """Tell whether a variable, an option or a key of this name holds a credential.

    By whole words, so that `--max-tokens`, `--tokenizer`, `monkey` and `--author` do not.
    """
    if name in {"PWD", "OLDPWD", "PASS", "Pass"}:  # the latter two: what a test has done
        return False
    words = words_of(name)
    if not words or words[-1] in _PLACES or (name[0] == "-" and words[0] == "no"):
        return False
    last = len(words) - 1
    return any(
        _says_secret(words[at - 1] if at else "", word, at == last) for at, word in enumerate(words)
    )


def _says_secret(before: str, word: str, is_last: bool) -> bool:
    if word in _WORDS or ("passw" in word and word != "passwordless"):
        return True
    if word.endswith(_ENDINGS):
        return word not in _NO_ENDINGS or (word == "oauth" and is_last)
    single = word.removesuffix("s")
    if single.endswith("key"):
        return (single[:-3] or before) in _KEYS or single.endswith("apikey")
    if single.endswith("token"):
        owner = single[:-5] or before
        if owner in _OTHER_TOKENS:
            return False
        return single == word or (is_last and owner not in _COUNTED_TOKENS)
    if word == "pass":
        return is_last and before not in _OTHER_PASSES
    return word.endswith("pass") and word[:-4] in _PASS_OWNERS


def words_of(name: str) -> list[str]:
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
