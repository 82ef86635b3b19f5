"""Records of the job's program without the credentials that it wrote into them."""

from __future__ import annotations

import json

from yprov_run.redaction.text import redact_text, redact_variable

# What holds the value of the thing around it, whose name is that one's label or key.
_VALUES = frozenset(("$", "value", "prov:value"))
_LABELS = ("prov:label", "name", "key")


def without_secrets(content: bytes) -> bytes:
    """Return a JSON file's bytes, the same ones where nothing in it is a credential.

    One that is torn is taken as a text.
    """
    try:
        found = json.loads(content)
        hidden = _hidden(found, "")
        return content if hidden == found else json.dumps(hidden).encode()
    except (ValueError, RecursionError):
        return redact_text(content.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )


def _hidden(value: object, name: str) -> object:
    if isinstance(value, str):
        return redact_variable(name, value)
    if isinstance(value, list):
        return [_hidden(item, name) for item in value]
    if isinstance(value, dict):
        labels = (value.get(label) for label in _LABELS)
        own = next((label for label in labels if isinstance(label, str)), name)
        return {
            key: _hidden(item, own if key in _VALUES else str(key)) for key, item in value.items()
        }
    return value
