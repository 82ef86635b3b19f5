"""Which templates there are, where they lie, and what each says of itself in its first comment."""

from __future__ import annotations

from pathlib import Path

from yprov_run.errors import YprovError, meant

INCLUDE = "include"
_EPILOG = "epilog"

# In the order of the documentation. A name is a file's, but for the include's.
SCRIPTS = (
    "single", "torchrun", "ranks", "openmpi", "mpich", "sweep", "steps", "requeue", "apptainer",
    "pyxis", "heterogeneous", "merge", "pbs", "flux",
)  # fmt: skip
_OTHER_FILES = {
    INCLUDE: "yprov.inc.sh",
    "config": "site/config.yaml",
    _EPILOG: "site/epilog.sh",
    "lmod": "site/yprov-run.lua",
    "tcl": "site/yprov-run.tcl",
}


def names() -> tuple[str, ...]:
    """Return the names of all templates: scripts, the include, and what sites need."""
    return (*SCRIPTS, *_OTHER_FILES)


def file_name(name: str) -> str:
    """Return the file of a template, below the templates' folder. Raises YprovError."""
    if name in SCRIPTS:
        return f"{name}.sh"
    if name in _OTHER_FILES:
        return _OTHER_FILES[name]
    raise YprovError(f"no template {name!r}{meant(name, names()) or _there_are()}")


def _there_are() -> str:
    return f"; there are {', '.join(names())}"


def path(name: str) -> Path:
    """Return where a template lies on this machine. Raises YprovError if there is none."""
    file = file_name(name)
    package = Path(__file__).parents[1]
    # In an installation; in a checkout.
    for folder in (package / "slurm_templates", package.parent / "slurm_templates"):
        if (folder / file).is_file():
            return folder / file
    raise YprovError(f"{package / 'slurm_templates' / file}: missing; install yprov-run again")


def is_run_itself(name: str) -> bool:
    """Tell whether a template's file is run as it is, and not handed to a scheduler or sourced."""
    return name == _EPILOG


def purpose(text: str) -> str:
    """Return when to take a template: the first line of its first comment, without a full stop."""
    for line in text.splitlines():
        marker, _, words = line.partition(" ")
        if marker in {"#", "--"} and not words.startswith("shellcheck"):
            return words.rstrip(".")
    return ""


def usage(text: str) -> list[str]:
    """Return the commands in a script's first comment: its lines indented by three."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("#   "):
            lines.append(line[4:])
    return lines
