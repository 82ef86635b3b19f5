"""What a compiled program or library says of itself: its ELF build id and its interpreter."""

from __future__ import annotations

import os
import struct

from yprov_run.light import NamedTuple
from yprov_run.safefile import open_regular

_PT_INTERP, _PT_NOTE = 3, 4
_NT_GNU_BUILD_ID = 3
_MAX_HEADERS = 256
_MAX_SEGMENT_BYTES = 1 << 16


class Elf(NamedTuple):
    """An ELF file's build id in hexadecimal digits, and its interpreter; each may be empty."""

    build_id: str
    interpreter: str


class _Layout(NamedTuple):
    """Where things are in a header of one word size; the last two pick offset and file size."""

    table_offset: str
    table_at: int
    counts_at: int
    header: str
    offset: int
    size: int


_LAYOUTS = {
    1: _Layout("I", 28, 42, "IIIIIIII", 1, 4),
    2: _Layout("Q", 32, 54, "IIQQQQQQ", 2, 5),
}


def read(path: str) -> Elf | None:
    """Return what an ELF file says of itself; None if it is none or cannot be read."""
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return None
    try:
        return _read(fd)
    except (OSError, struct.error):
        return None
    finally:
        os.close(fd)


def _read(fd: int) -> Elf | None:
    head = os.pread(fd, 64, 0)
    if head[:4] != b"\x7fELF" or len(head) < 20 or head[4] not in _LAYOUTS or head[5] not in {1, 2}:
        return None
    order = "<" if head[5] == 1 else ">"
    layout = _LAYOUTS[head[4]]
    (table,) = struct.unpack_from(order + layout.table_offset, head, layout.table_at)
    entry_size, count = struct.unpack_from(order + "HH", head, layout.counts_at)
    build_id, interpreter = "", ""
    for index in range(min(count, _MAX_HEADERS)):
        raw = os.pread(fd, struct.calcsize(order + layout.header), table + index * entry_size)
        header = struct.unpack(order + layout.header, raw)
        offset, size = header[layout.offset], min(header[layout.size], _MAX_SEGMENT_BYTES)
        if header[0] == _PT_INTERP:
            interpreter = os.fsdecode(os.pread(fd, min(size, 4096), offset).rstrip(b"\0"))
        elif header[0] == _PT_NOTE and not build_id:
            build_id = _build_id(os.pread(fd, size, offset), order)
    return Elf(build_id, interpreter)


def _build_id(notes: bytes, order: str) -> str:
    """Find the build id among a segment's notes; each part of a note is padded to 4 bytes."""
    position = 0
    while position + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(order + "III", notes, position)
        name_at = position + 12
        content_at = name_at + (name_size + 3) // 4 * 4
        if kind == _NT_GNU_BUILD_ID and notes[name_at : name_at + 4] == b"GNU\0":
            return notes[content_at : content_at + min(size, 64)].hex()
        position = content_at + (size + 3) // 4 * 4
    return ""
