"""SHA-256 without OpenSSL: loading that for `hashlib` takes 3.7 MiB, a quarter of the agent."""

from __future__ import annotations

from importlib import import_module

from yprov_run.light import Protocol


class Digest(Protocol):
    """A checksum under way."""

    def update(self, data: bytes | bytearray, /) -> None:
        """Take more data."""
        ...

    def hexdigest(self) -> str:
        """Return the checksum of all data so far."""
        ...


def sha256() -> Digest:
    """Return a new SHA-256."""
    # The last one is for a Python without modules of its own for it, as of strict distributions.
    for module in ("_sha2", "_sha256", "hashlib"):
        try:
            digest: Digest = import_module(module).sha256()
        except ImportError:
            continue
        return digest
    raise ImportError("no SHA-256 in this Python")


def checksum(content: bytes) -> str:
    """Return the SHA-256 of something small, in hexadecimal; of megabytes OpenSSL is quicker."""
    digest = sha256()
    digest.update(content)
    return digest.hexdigest()
