"""Addresses of code, without who may read it."""

from __future__ import annotations

from yprov_run.redaction.text import redact_text


def without_credentials(url: str) -> str:
    """Return a remote's URL without user and password; `git@host:path` stays as it is."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return redact_text(url)
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    kept = f"{user}@" if at and scheme.endswith("ssh") and ":" not in user else ""
    path = path.partition("?")[0].partition("#")[0]
    return redact_text(f"{scheme}://{kept}{host}{slash}{path}")
