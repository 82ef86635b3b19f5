"""From a command to the command that is run: pure, so that --dry-run shows exactly what happens."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from yprov_run import launchers
from yprov_run.jobdir import StepDir
from yprov_run.launchers.grammar import Placement, ProgramFile, untouched
from yprov_run.light import NamedTuple

SHELL = "/bin/sh"
# Whatever is missing or broken on a node, the program is run: dash would end where it has too few
# descriptors for a file, but for `command`. (Where bash is the shell, it takes a second to source a
# file beside 20,000 words.)
_BOOT = (
    '_yprov=$1; shift; [ ! -r "$_yprov" ] || if [ $# -lt 999 ]; then command . "$_yprov"; '
    'else eval "$(cat "$_yprov")"; fi; exec "$@"'
)
# The same as one word, for files that launchers split at blanks without minding quotes.
_BOOT_WORD = (
    '_yprov=$1;shift;test${IFS}-r${IFS}"$_yprov"&&command${IFS}.${IFS}"$_yprov";exec${IFS}"$@"'
)
_UNSAFE_IN_FILE = re.compile(r"[^A-Za-z0-9_./+:@=,-]")
# Before anything else it lets go of the task's files: a launcher may wait for them.
_BOOT_AGENT = (
    'import os, sys; os.closerange(3, 1024); sys.path[:0] = sys.argv[1].split("\\n"); '
    "from yprov_run.agent.main import main; main(sys.argv[2:])"
)
_SHIM = Path(__file__).with_name("shim.sh")
_CONTROLS = range(1, 9)
# env takes a program's path with `=` for an assignment; nice, which is what is left then, does not.
_NO_ASSIGNMENT = (
    "_yprov_by_env=yes",
    "case $1 in *=*)",
    '  if command -v nice >/dev/null 2>&1; then set -- nice -n 0 "$@"; else _yprov_by_env=; fi ;;',
    "esac",
)
_SHELLS_OWN = frozenset({"IFS", "OPTIND", "PPID"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Plan(NamedTuple):
    """What will be run, and why it is, or is not, recorded on the nodes.

    `program_file` is the text of a rewritten file of programs, and `original` the path of the one
    that the user gave; both empty where the command line itself names the programs.
    """

    command: tuple[str, ...]
    placement: Placement
    program_file: str = ""
    original: str = ""

    @property
    def is_recorded(self) -> bool:
        """Tell whether tasks start through the shim."""
        return bool(self.placement.positions or self.program_file)


def make_plan(argv: Sequence[str], step: StepDir, search_path: str) -> Plan:
    """Put the task shim of this step before every program in the command."""
    placement = launchers.place(argv, search_path)
    if placement.file is not None:
        return _plan_with_file(argv, placement, placement.file, step)
    return Plan(tuple(_insert(argv, placement, step.shim)), placement)


def bare_command(argv: Sequence[str]) -> list[str]:
    """Return the command as it stands; only marks for the shim are left out."""
    return [word for word in argv if word != launchers.MARK]


def _insert(argv: Sequence[str], placement: Placement, shim: Path) -> list[str]:
    words = list(argv)
    replaced = 1 if placement.marked else 0
    for position in sorted(placement.positions, reverse=True):
        words[position : position + replaced] = [SHELL, "-c", _BOOT, "yprov-run", str(shim)]
        _add_option(words, placement, position)
    return words


def _add_option(words: list[str], placement: Placement, before: int) -> None:
    """Put in the option that belongs to the program at this index."""
    own = [option for option in placement.options if option[0] <= before]
    if own:
        words.insert(*own[-1])


def _plan_with_file(
    argv: Sequence[str], placement: Placement, file: ProgramFile, step: StepDir
) -> Plan:
    """Put the shim into a copy of the file that names the programs, and the copy in its place."""
    path = argv[file.position]
    text = ""
    # What is missing the launcher will name, and a pipe can be read only once: by the launcher.
    with suppress(OSError):
        if Path(path).is_file():
            text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
    shim = str(step.shim)
    inserted = None
    if text and not _UNSAFE_IN_FILE.search(shim):
        inserted = file.insert(text, " ".join([SHELL, "-c", _BOOT_WORD, "yprov-run", shim]))
    if inserted is None:
        reason = f"the programs in {path} are not understood"
        return Plan(tuple(argv), untouched(placement.launcher, placement.ranks, reason))
    words = list(argv)
    words[file.position] = str(step.programs)
    _add_option(words, placement, file.position)
    return Plan(tuple(words), placement, inserted, path)


class ShimSettings(NamedTuple):
    """What the shim needs to know on a node where nothing of ours may be installed."""

    nodes_dir: Path
    python: str
    import_path: Sequence[str]
    ranks: str
    interval_s: float


def shim_text(settings: ShimSettings, environ: Mapping[str, str]) -> str:
    """Return the shim's text for one step, with its settings as literals."""
    lines = [
        f"_yprov_nodes={shlex.quote(str(settings.nodes_dir))}",
        f"_yprov_python={shlex.quote(settings.python)}",
        f"_yprov_path={shlex.quote(chr(10).join(settings.import_path))}",
        f"_yprov_boot_agent={shlex.quote(_BOOT_AGENT)}",
        f"_yprov_ranks={shlex.quote(settings.ranks)}",
        f"_yprov_interval={settings.interval_s:g}",
        _SHIM.read_text(encoding="utf-8"),
        *_restored_environment(environ),
        "trap - EXIT $_yprov_signals",
    ]
    return "\n".join(lines) + "\n"


def _restored_environment(environ: Mapping[str, str]) -> list[str]:
    """Return lines that undo what a shell does to the environment it was given.

    dash drops variables whose names are no identifiers, such as bash's exported functions (and
    with them `module` in job scripts), gives some of its own their first values, and adds PWD.
    The values are the task's own, as the kernel keeps them: none of them stands in a file.
    """
    lines = [f"unset {name}" for name in ("PWD", "OLDPWD") if name not in environ]
    lines += _NO_ASSIGNMENT
    for name, value in sorted(environ.items()):
        if name in _SHELLS_OWN or not _IDENTIFIER.match(name):
            # What stands for a newline while the variables are lines.
            sign = next((sign for sign in _CONTROLS if chr(sign) not in name + value), _CONTROLS[0])
            wanted = shlex.quote(f"/^{_as_pattern(name, chr(sign))}=/{{s///;s/$/x/;p;q;}}")
            lines += [
                f"_yprov_value=$({{ command -p tr '\\n\\000' '\\{sign:03o}\\n' </proc/$$/environ |",
                f"  LC_ALL=C command -p sed -n {wanted} |",
                f"  command -p tr '\\{sign:03o}' '\\n'; }} 2>/dev/null)",
                'if [ -n "$_yprov_value" ] && [ -n "$_yprov_by_env" ]; then',
                f'  set -- /usr/bin/env {shlex.quote(f"{name}=")}"${{_yprov_value%x}}" "$@"',
                "fi",
            ]
    return lines


def _as_pattern(name: str, newline: str) -> str:
    """Return a basic regular expression of bytes that is a variable's name."""
    signs = (sign if sign.isalnum() or sign == "_" or ord(sign) > 126 else f"[{sign}]"
             for sign in name)  # fmt: skip
    return "".join(signs).replace("[^]", r"\^").replace("[\n]", newline)


def quoted(command: Sequence[str]) -> str:
    """Return a command as one line that a shell reads back as the same words."""
    return " ".join(map(shlex.quote, command))


def import_path() -> list[str]:
    """Return the folders in which the agent finds this package: all that it needs."""
    return [str(Path(__file__).parents[2])]
