"""The real Lmod and the real Environment Modules, unpacked beside each other."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import need
from tests.support.commands import BIN

_TREES = BIN.parent / "module-systems"


def module_command(system: str) -> str:
    """Return the command that prints shell code; the two cannot be installed side by side."""
    if system == "lmod":
        found = sorted(_TREES.glob("lmod/usr/share/lmod/*/libexec/lmod"))
        shared = found[0].parents[1] if found else Path()
        lua = f"LUA_PATH='{shared}/libexec/?.lua;{shared}/tools/?.lua;;'"
        need([] if found and shutil.which("lua5.3") else ["Lmod"], "the test of Lmod")
        return f"{lua} {found[0]} bash"
    found = sorted(_TREES.glob("environment-modules/usr/lib/*/modulecmd.tcl"))
    need([] if found and shutil.which("tclsh") else ["Environment Modules"], "this test")
    return f"tclsh {found[0]} bash"
