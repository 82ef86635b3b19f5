"""The same documents put together by the `prov` library and by the merge's own records.

    python -m benchmarks.library prov|ours FOLDER

FOLDER holds a document per node; the one that is made of them is written beside them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PROV, OURS = "prov", "ours"
_TOGETHER = "together"


def documents_of_nodes(document: Path, folder: Path) -> None:
    """Write what a document says of each node as a document of its own."""
    whole = json.loads(document.read_bytes())
    uses: dict[str, dict[str, dict[str, str]]] = {}
    for name, use in whole["used"].items():
        uses.setdefault(use["prov:activity"], {})[name] = use
    nodes = [name for name in whole["activity"] if name.startswith("node/")]
    folder.mkdir()
    for number, node in enumerate(nodes):
        entities = {use["prov:entity"] for use in uses[node].values()}
        informed = f"wasInformedBy/{node}/step/0"
        part = {
            "prefix": whole["prefix"],
            "entity": {name: whole["entity"][name] for name in sorted(entities)},
            "activity": {node: whole["activity"][node]},
            "used": uses[node],
            "wasInformedBy": {informed: whole["wasInformedBy"][informed]},
        }
        (folder / f"{number:06d}.json").write_text(json.dumps(part))


def by_the_library(folder: Path) -> None:
    """Read each node's document with `prov`, update one with it, and write that."""
    from prov.model import ProvDocument

    together = ProvDocument()
    for part in sorted(folder.glob("*.json")):
        together.update(ProvDocument.deserialize(content=part.read_text(), format="json"))
    with (folder / _TOGETHER).open("w") as stream:
        together.serialize(stream, format="json")


def as_we_do(folder: Path) -> None:
    """Do the same with the merge's own records: dictionaries, written a record a line."""
    from yprov_run.provenance.document import lines
    from yprov_run.provenance.records import Records

    together = Records({})
    for part in sorted(folder.glob("*.json")):
        for kind, records in json.loads(part.read_bytes()).items():
            if kind == "prefix":
                together.prefixes.update(records)
                continue
            for identifier, record in records.items():
                together.add(kind, identifier, record)
    with (folder / _TOGETHER).open("wb") as stream:
        stream.writelines(lines(together.as_json()))


if __name__ == "__main__":
    {PROV: by_the_library, OURS: as_we_do}[sys.argv[1]](Path(sys.argv[2]))
