"""Git as a program that is asked: in one repository, for reading only.

A repository is data here: nothing that its configuration names (hooks, filters, monitors, diff
programs, transports) is run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from yprov_run.capture.program import ProgramError, Said, ask

_MAX_LIST_BYTES = 16 << 20

# Whatever of git would run a program that the repository names.
_HARMLESS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "diff.ignoreSubmodules=all",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "status.relativePaths=false",
)
_NO_FILTER = (("clean", ""), ("process", ""), ("required", "false"))


class Git:
    """Git in one repository. ProgramError where it could not be kept from running its filters.

    `settings` are names and values of its configuration, in the order in which git reads them.
    """

    def __init__(
        self,
        program: str,
        root: str,
        environ: Mapping[str, str],
        give_up: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._program = program
        self._root = root
        self._given = environ
        self._environ = _environment(environ, root)
        self._give_up = give_up
        self._monotonic = monotonic
        self._options = [word for setting in _HARMLESS for word in ("-c", setting)]
        self.settings = self._listed()
        self._switch_filters_off()

    def __call__(self, *words: str, limit_bytes: int = _MAX_LIST_BYTES) -> Said:
        """Return what git says to these words. Raises ProgramError."""
        argv = [self._program, "--no-pager", "--literal-pathspecs", *self._options, *words]
        left_s = self._give_up - self._monotonic()
        if left_s <= 0:
            raise ProgramError("the time for reading the code's state was spent")
        return ask(argv, left_s, limit_bytes, self._environ, self._root)

    def within(self, path: str) -> Git:
        """Return git in a repository below this one."""
        root = os.path.join(self._root, path)  # noqa: PTH118 - may be no text
        return Git(self._program, root, self._given, self._give_up, self._monotonic)

    def setting(self, name: str) -> str:
        """Return the value of a setting, by its name in small letters; empty if there is none."""
        return dict(self.settings).get(name, "")

    def _listed(self) -> list[tuple[str, str]]:
        said = self("config", "--includes", "-z", "--list")
        if said.cut:
            raise ProgramError("its configuration is too long to be read")
        entries = (entry.partition("\n") for entry in texts(said))
        return [(name, value) for name, _, value in entries]

    def _switch_filters_off(self) -> None:
        keys = {name for name, _ in self.settings if name.startswith("filter.")}
        if not keys:
            return
        odd: list[tuple[str, str]] = []
        for one in sorted({key.rpartition(".")[0] for key in keys}):
            for part, value in _NO_FILTER:
                if "=" in one:  # `-c` takes the first for the end of the name
                    odd.append((f"{one}.{part}", value))
                else:
                    self._options += ["-c", f"{one}.{part}={value}"]
        self._environ |= _in_the_environment(odd)
        # Asked again: a git before 2.31 passes over what stands in the environment.
        self.settings = self._listed()
        for name, value in dict(self.settings).items():
            if name in keys and name.endswith((".clean", ".process")) and value:
                one = name[len("filter.") :].rpartition(".")[0]
                raise ProgramError(f"it is too old to be kept from running the filter {one}")


def _environment(environ: Mapping[str, str], root: str) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return kept | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        # The repository must be just here, and its files too, whatever its configuration says.
        "GIT_CEILING_DIRECTORIES": os.path.dirname(root),  # noqa: PTH120 - may be no text
        "GIT_WORK_TREE": root,
    }


def _in_the_environment(settings: list[tuple[str, str]]) -> dict[str, str]:
    def variables() -> Iterator[tuple[str, str]]:
        yield "GIT_CONFIG_COUNT", str(len(settings))
        for index, (name, value) in enumerate(settings):
            yield f"GIT_CONFIG_KEY_{index}", name
            yield f"GIT_CONFIG_VALUE_{index}", value

    return dict(variables())


def texts(said: Said) -> list[str]:
    """Split what ends with NUL; a last part that was cut is dropped."""
    return [os.fsdecode(part) for part in said.output.split(b"\0")[:-1]]
