"""Write a document in another format, through the `prov` library."""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from yprov_run.errors import YprovError
from yprov_run.export.prepare import prepare

# format: what `prov` calls it, and its own options
_SERIALIZERS: dict[str, tuple[str, dict[str, str]]] = {
    "provn": ("provn", {}),
    "xml": ("xml", {}),
    "ttl": ("rdf", {"rdf_format": "turtle"}),
    "trig": ("rdf", {"rdf_format": "trig"}),
    "jsonld": ("jsonld", {}),
}
FORMATS = (*_SERIALIZERS, "dot")
_MOST_WITH_ATTRIBUTES = 200
# The user's own pip may be another environment's.
_INSTALL = f"{sys.executable} -m pip install 'yprov-run[formats]' ('.[formats]' in a checkout)"


def convert(document: Mapping[str, Any], form: str) -> bytes:
    """Return a document in one of `FORMATS`, as UTF-8.

    Raises YprovError with one clear line where `prov` refuses, or lacks a library for the format.
    """
    # Here and not above: it is needed for this alone.
    from prov.model import ProvDocument
    from prov.serializers import DoNotExist

    text = json.dumps(prepare(document), ensure_ascii=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `prov` warns of what it will drop
            loaded = ProvDocument.deserialize(content=text, format="json")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # between prov and rdflib
            return _dot(loaded) if form == "dot" else _serialize(loaded, form)
    except DoNotExist as error:  # as `prov` says it
        raise YprovError(f"{form} needs more: {_INSTALL}") from error
    except ImportError as error:
        # `prov` raises one of its own for some, without the name.
        name = error.name or getattr(error.__cause__, "name", None) or "more"
        raise YprovError(f"{form} needs {name}: {_INSTALL}") from error
    except RecursionError:
        raise YprovError(f"{form}: nested too deeply") from None
    except Exception as error:  # a document of any kind, in a library's hands
        raise YprovError(f"{form}: {type(error).__name__}: {error}") from error


def _serialize(loaded: Any, form: str) -> bytes:
    name, options = _SERIALIZERS[form]
    # Into our own stream: given a path, `prov` would make a file that only its owner can read.
    write: Callable[..., object] = loaded.serialize
    binary = io.BytesIO()
    try:
        write(binary, format=name, **options)
        return binary.getvalue()
    except TypeError:
        text = io.StringIO()
        write(text, format=name, **options)
        return text.getvalue().encode()


def _dot(loaded: Any) -> bytes:
    from prov.dot import prov_to_dot

    few = len(loaded.get_records()) <= _MOST_WITH_ATTRIBUTES
    graph = prov_to_dot(loaded, show_element_attributes=few, show_relation_attributes=False)
    return str(graph.to_string()).encode()
