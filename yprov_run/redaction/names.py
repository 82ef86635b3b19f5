"""Which names say that what they name is a credential: of variables, options and keys.

Without regular expressions: the launch waits for this.
"""

from __future__ import annotations

# Wherever they stand in a name.
_WORDS = frozenset((
    "jwt", "authorization", "cookie", "cookies", "bearer", "cred", "creds", "credential",
    "credentials", "secret", "secrets", "authkey", "passcode",
))  # fmt: skip
# As what a name ends with: `auth_chains` and `private_modules` are no credentials.
_LAST_WORDS = frozenset(("pat", "pwd", "pw", "private"))
# In a variable of a shell wherever they stand: `GITLAB_TOKEN_OF_ADA`.
_VARIABLE_WORDS = frozenset(("token", "auth", "pat", "pwd"))
_ENDINGS = (
    "passphrase", "secret", "secrets", "credential", "credentials", "cookie", "jwt",
)  # fmt: skip
# What ends so and says the contrary.
_NO_AUTH = frozenset(("noauth", "unauth", "reauth", "preauth", "deauth"))
_SERVICES = frozenset((
    "anthropic", "aws", "azure", "cds", "claude", "clearml", "cohere", "comet", "dagshub",
    "datadog", "deepseek", "ecmwf", "fireworks", "gemini", "github", "gitlab", "google", "groq",
    "hf", "huggingface", "kaggle", "langchain", "langsmith", "mistral", "mlflow", "neptune", "ngc",
    "nvidia", "openai", "openrouter", "perplexity", "pinecone", "replicate", "s3", "sendgrid",
    "sentry", "serpapi", "slack", "stripe", "tavily", "together", "twilio", "voyage", "wandb",
    "zenodo",
))  # fmt: skip
# Whose keys are credentials; `primary_key`, `sort_key` and `hotkey` are not among them.
_KEYS = _SERVICES | frozenset((
    "api", "private", "access", "auth", "secret", "account", "encryption", "decryption", "signing",
    "master", "storage", "license", "subscription", "ssh", "rsa", "aes", "hmac", "gpg", "pgp",
    "functions", "consumer", "deploy", "ingest", "ingestion", "fernet",
))  # fmt: skip
# Words of machine learning and of programs: `pad_token`, `max_token`, `token_path`, `auth_type`.
_OTHER_TOKENS = frozenset((
    "pad", "eos", "bos", "unk", "sep", "cls", "mask", "stop", "special", "max", "min", "num", "n",
    "per", "image", "next", "first", "last", "end", "start", "sub", "pre", "de", "non", "multi",
    "class", "prefix", "suffix", "prev", "cur", "accept", "register", "blank", "dist", "sos", "eot",
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
    "fold", "filter", "refine", "sweep", "opt", "fusion",
))  # fmt: skip
_PASS_OWNERS = frozenset((
    "user", "db", "my", "mysql", "sql", "pg", "root", "admin", "smtp", "ftp", "mail", "http", "key",
    "store", "ssh", "ldap", "redis", "mongo", "proxy", "login",
))  # fmt: skip
_PLACES = frozenset((
    "path", "file", "dir", "folder", "sock", "socket", "name", "type", "method", "mode", "ids",
    "length", "len", "count", "limit", "size", "ttl", "timeout", "expiry", "url", "uri", "endpoint",
    "enabled", "parallelism", "provider", "plugin", "format", "env", "var", "header", "age",
    "stdin", "helper", "budget", "dim", "dropout", "embedding", "embeddings", "merge", "mixing",
    "pattern", "rate", "ratio", "re", "regex", "sep", "separator", "types", "weight",
))  # fmt: skip
# Which of several credentials it is: `DB_PASS_PROD`, `token_ro`.
_WHICH = _SERVICES | frozenset((
    "prod", "production", "dev", "devel", "development", "staging", "stage", "stg", "qa", "uat",
    "ci", "live", "local", "main", "backup", "old", "new", "current", "default", "value", "string",
    "str", "b64", "base64", "raw", "plain", "id", "ro", "rw", "read", "write", "readonly", "admin",
    "bot", "org", "team", "personal",
))  # fmt: skip


# One of these is in every name that says so.
STEMS = (
    "token", "secret", "pass", "cred", "key", "auth", "cookie", "jwt", "private", "pat", "pw",
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
    if name in {"PASS", "Pass", "pass1", "pass2"}:  # what a test has done, or a computation
        return False
    words = words_of(name)
    if not words or words[-1] in _PLACES or (name[0] == "-" and words[0] == "no"):
        return False
    last = len(words) - 1
    while last and (words[last].isdigit() or words[last] in _WHICH):
        last -= 1
    is_variable = name == name.upper()
    return any(
        _says_secret(
            words[at - 1] if at else "",
            word.rstrip("0123456789"),
            at == last or (is_variable and word in _VARIABLE_WORDS),
        )
        for at, word in enumerate(words[: last + 1])
    )


def _says_secret(before: str, word: str, is_last: bool) -> bool:
    """Tell what a word says of a name: most only where no other noun comes after it."""
    if word in _WORDS or ("passw" in word and word != "passwordless"):
        return True
    if word.endswith(_ENDINGS) or (is_last and word in _LAST_WORDS):
        return True
    if word.endswith("auth"):
        return is_last and word not in _NO_AUTH
    single = word.removesuffix("s")
    if single.endswith("key"):
        owner = single[:-3] or before
        return owner in _KEYS or owner.endswith("api")
    if single.endswith("token"):
        owner = single[:-5] or before
        counts = owner in _OTHER_TOKENS or (single != word and owner in _COUNTED_TOKENS)
        return is_last and not counts
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
