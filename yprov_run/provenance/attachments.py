"""Files beside the document that say more of something in it: lists of packages, patches."""

from __future__ import annotations

from yprov_run.merge.attachments import Attachment
from yprov_run.provenance.identifiers import JOB
from yprov_run.provenance.records import Records, local_part, own
from yprov_run.provenance.vocabulary import term


def add_attachment(records: Records, attachment: Attachment, about: str) -> str:
    """Add a file that the merge wrote from what was captured of something. Returns its name."""
    entity = records.add(
        "entity",
        f"attachment/{local_part(attachment.name)}",
        {
            "prov:type": term("Attachment"),
            "prov:label": attachment.label,
            "prov:location": attachment.path,
            "schema:encodingFormat": attachment.format,
            "schema:sha256": attachment.sha256,
            "schema:contentSize": str(len(attachment.content)),
            **own(rowCount=attachment.rows),
        },
    )
    records.relate(
        "wasGeneratedBy", entity, JOB, {"prov:entity": entity, "prov:activity": JOB}
    )  # fmt: skip
    records.relate(
        "wasDerivedFrom", entity, about, {"prov:generatedEntity": entity, "prov:usedEntity": about}
    )  # fmt: skip
    return entity
