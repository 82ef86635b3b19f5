"""What credentials look like, whatever they are called: keys of services, PEM, JWT, addresses.

The expressions are compiled when they are first wanted. Every repetition is bounded, so that the
time is linear in the text.
"""

from __future__ import annotations

import re
from functools import cache

REDACTED = "<redacted>"

# What a key of each kind begins with, and the rest of it.
_KEYS: tuple[tuple[str, str], ...] = (
    # git hosts and package indexes
    *((f"gh{kind}_", r"[A-Za-z0-9]{30,255}") for kind in "pousr"),
    ("github_pat_", r"\w{20,255}"),
    *((f"gl{k}-", r"[\w-]{16,255}") for k in ("pat", "dt", "rt", "cbt", "ptt", "ft", "agent")),
    ("npm_", r"[A-Za-z0-9]{30,100}"), ("pypi-", r"[\w-]{40,500}"), ("ATATT", r"[\w=-]{30,500}"),
    ("ATCTT", r"[\w=-]{30,500}"), ("dckr_pat_", r"[\w-]{20,100}"),
    # models and experiments
    ("hf_", r"[A-Za-z0-9]{30,100}"), ("api_org_", r"[A-Za-z0-9]{30,100}"),
    ("sk-", r"(?:(?=[\w-]{0,250}\d)[\w-]{20,255}|[A-Za-z0-9]{20,255})"),
    ("gsk_", r"[A-Za-z0-9]{40,100}"),
    ("xai-", r"\w{40,150}"), ("pplx-", r"\w{40,100}"), ("nvapi-", r"[\w-]{40,150}"),
    ("r8_", r"[A-Za-z0-9]{30,60}"), ("wandb_v1_", r"\w{40,150}"), ("dapi", r"[0-9a-f]{32}(?:-\d)?"),
    ("ntn_", r"[A-Za-z0-9]{40,60}"), ("lin_api_", r"\w{30,60}"),
    ("lsv2_", r"(?:pt|sk)_\w{20,100}"),
    # clouds
    ("AKIA", r"[0-9A-Z]{16}"), ("ASIA", r"[0-9A-Z]{16}"), ("ABIA", r"[0-9A-Z]{16}"),
    ("ACCA", r"[0-9A-Z]{16}"), ("AIza", r"[\w-]{35}"), ("ya29.", r"[\w-]{20,500}"),
    ("GOCSPX-", r"[\w-]{20,60}"), ("LTAI", r"[A-Za-z0-9]{12,30}"), ("dop_v1_", r"[a-f0-9]{64}"),
    ("hvs.", r"[\w-]{20,200}"), ("hvb.", r"[\w-]{20,200}"), ("glsa_", r"\w{20,60}"),
    ("glc_", r"[\w=+/-]{20,400}"), ("NRAK-", r"[A-Z0-9]{20,40}"), ("PMAK-", r"[\w-]{40,80}"),
    ("tskey-", r"[\w-]{20,100}"), ("AGE-SECRET-KEY-1", r"[0-9A-Z]{50,70}"),
    # messages, mail, payments
    ("xox", r"[abeoprs]-[\w-]{10,255}"), ("xapp-", r"[\w-]{20,255}"),
    ("SG.", r"[\w-]{16,40}\.[\w-]{16,60}"),
    ("key-", r"[0-9a-f]{32}"), ("SK", r"[0-9a-f]{32}"),
    *((f"shp{kind}_", r"[a-fA-F0-9]{32}") for kind in ("at", "ss", "ca", "pa")),
    ("sk_", r"(?:live|test)_[A-Za-z0-9]{16,255}"), ("rk_", r"(?:live|test)_[A-Za-z0-9]{16,255}"),
    ("whsec_", r"[\w+/=]{20,100}"), ("sq0", r"(?:atp|csp)-[\w-]{20,60}"), ("EAAA", r"[\w-]{60}"),
    # signed
    ("eyJ", r"[\w-]{10,4000}\.[\w-]{10,8000}(?:\.[\w-]{0,2000})?"),
)  # fmt: skip
_HINTS = tuple(start for start, _ in _KEYS)
_QUERY = (
    r"sig|signature|[Xx]-[Aa]mz-(?:[Ss]ignature|[Cc]redential|[Ss]ecurity-[Tt]oken)"
    r"|X-Goog-Signature|key|auth|code"
)
# What a script puts a password in by: nothing but a variable.
_REFERENCE = r"\$(?:[A-Za-z_]\w{0,100}|[0-9]|\{[^}\s]{1,100}\}|\([^)\n]{1,200}\))"
_PORT = r"\d{0,5}[/?#]"
_PEM_HINT = "-----BEGIN"
_PEM_END = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM = rf"(-----BEGIN {_PEM_END})((?:(?!-----END)[\s\S]){{0,20000}})(-----END {_PEM_END})?"
# A part of it that must be there, the expression, and what is put in its place.
_OTHERS: tuple[tuple[str, str, str], ...] = (
    (":AA", r"\b\d{8,10}:AA[\w-]{30,40}", REDACTED),
    (
        "hooks.slack.com",
        r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]{10,200}",
        rf"\1{REDACTED}",
    ),
    ("api/webhooks/", r"(api/webhooks/)\d{5,25}/[\w-]{20,120}", rf"\1{REDACTED}"),
    # User and password end at the last `@` before the path; a digest's is none.
    (
        "@",
        rf"([a-zA-Z][a-zA-Z0-9+.-]{{0,30}}://)[^/@\s:'\"]{{0,200}}:(?!{_REFERENCE}@|{_PORT})"
        r"[^/\s'\"]{1,500}@(?!sha(?:256|512):)",
        rf"\1{REDACTED}@",
    ),
    # With a `/` in the password, which should not be: a port would be a number.
    (
        "@",
        rf"([a-zA-Z][a-zA-Z0-9+.-]{{0,30}}://)[^/@\s:'\"]{{0,200}}:(?!\$|{_PORT})"
        r"[^/@\s'\"]{1,200}/[^@\s'\"]{0,200}@",
        rf"\1{REDACTED}@",
    ),
    (
        "@",
        r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)(?=[^/@\s:'\"]{0,200}\d)[\w-]{20,500}@",
        rf"\1{REDACTED}@",
    ),
    # conda's channels; with a number behind it is a forum's thread
    (
        "/t/",
        r"(://[^/\s'\"]{1,255}/t/)(?=[\w-]{0,100}\d)[\w-]{10,100}(?=/)(?!/\d{1,9}(?![\w.-]))",
        rf"\1{REDACTED}",
    ),
    ("earer", r"\b([Bb]earer[ \t]+)(?!\$)[\w.~+/=-]{8,4000}", rf"\1{REDACTED}"),
    (
        "asic ",
        r"\b([Bb]asic[ \t]+)(?!\$)(?=[A-Za-z0-9+/]{0,200}[A-Z0-9+/=])[A-Za-z0-9+/]{12,2000}={0,2}",
        rf"\1{REDACTED}",
    ),
    ("?", rf"([?&](?:{_QUERY})=)[^&\s'\"<]{{6,2000}}", rf"\1{REDACTED}"),
    (
        "password",
        r"((?:\b|\\n)(?:machine|login|default)\b[^\n]{0,200}(?:\b|\\n)password[ \t]+)[^\s]{1,500}",
        rf"\1{REDACTED}",
    ),
    *(
        (
            hint,
            r"(\b(?:echo|printf)[ \t]{1,8}(?:-[neE]{1,3}[ \t]{1,8})?"
            r"(?:['\"]?%s(?:\\n)?['\"]?[ \t]{1,8})?)(?![\"']?\$)[^|\n]{1,300}?"
            rf"([ \t]{{0,8}}\|[^|\n]{{0,300}}{hint})",
            rf"\1{REDACTED}\2",
        )
        for hint in ("--password-stdin", "--with-token")
    ),
    # the same in lines of their own
    (
        "password",
        r"(?m)(^[ \t+-]{0,40}(?:machine|login|default|account)\b[^\n]{0,200}"
        r"(?:\n[^\n]{0,200}){0,2}?\n[ \t+-]{0,40}password[ \t]+)[^\s]{1,500}(?=[ \t\r]{0,40}$)",
        rf"\1{REDACTED}",
    ),
)


def hidden_lines(value: str) -> str:
    """Return what is put in a value's place: as many lines as it has, as far to the right."""
    _, *others = value.split("\n")
    indents = ("", *(line[: len(line) - len(line.lstrip(" \t"))] for line in others))
    return "\n".join(f"{indent}{REDACTED}" for indent in indents)


def may_have_shape(text: str) -> bool:
    """Tell, at little cost, whether a text could hold a credential that its shape tells."""
    hints = (_PEM_HINT, *_HINTS)
    return any(hint in text for hint in hints) or any(hint in text for hint, _, _ in _OTHERS)


def replace_shapes(text: str) -> str:
    """Return a text with everything that looks like a credential replaced."""
    if any(hint in text for hint in _HINTS):
        text = _keys().sub(REDACTED, text)
    for hint, pattern, replacement in _OTHERS:
        if hint in text:
            text = _other(pattern).sub(replacement, text)
    if _PEM_HINT in text:
        text = _other(_PEM).sub(lambda key: f"{key[1]}{hidden_lines(key[2])}{key[3] or ''}", text)
    return text


@cache
def _keys() -> re.Pattern[str]:
    kinds = "|".join(re.escape(start) + rest for start, rest in _KEYS)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{kinds})")


@cache
def _other(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
