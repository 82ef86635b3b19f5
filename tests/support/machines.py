"""Machines to replay: a text file each, from which the kernel's files are laid out in a folder.

`/path = content` (with \\n for line breaks), `/path :hex bytes`, `/path !root content` (readable by
root only), `env NAME = value` for the fake GPU library.
"""

from __future__ import annotations

from pathlib import Path

MACHINES = Path(__file__).parents[1] / "machines"


class Machine:
    """A machine's /sys and /proc, in a folder of the test's own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.sys = str(folder / "sys")
        self.proc = str(folder / "proc")
        self.env: dict[str, str] = {}
        self.forbidden: list[Path] = []
        for line in (MACHINES / f"{name}.txt").read_text().splitlines():
            if line.startswith("env "):
                key, _, value = line[4:].partition(" = ")
                self.env[key] = value
            elif line.startswith("/"):
                self._lay(line)

    def _lay(self, line: str) -> None:
        path, how, content = [*line.split(" ", 2), ""][:3]
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if how == ":hex":
            file.write_bytes(bytes.fromhex(content))
            return
        file.write_text(content.replace("\\n", "\n"))
        if how == "!root":
            self.forbidden.append(file)

    def write(self, path: str, content: str) -> None:
        """Let one of its files say something else, as the kernel would: in place."""
        with (self.folder / path).open("r+") as stream:
            stream.truncate()
            stream.write(content)
