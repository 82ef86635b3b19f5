"""Settings from YAML files: the folder's over the user's over the site's.

Flags and `YPROV_*` variables go over all of them. An unknown key, or a value of the wrong kind, is
an error with the file's name and line, before anything is launched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from yprov_run.errors import YprovError
from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml.nodes import Node

SITE = Path("/etc/yprov/config.yaml")
FOLDER = "yprov.yaml"

Settings = dict[str, object]

_KINDS: dict[str, tuple[str, str]] = {
    "dir": ("str", "a folder"),
    "name": ("str", "a name"),
    "interval": ("number", "a number of seconds"),
    "merge": ("bool", "true or false"),
    "report": ("bool", "true or false"),
    "quiet": ("bool", "true or false"),
}


def files(environ: Mapping[str, str], folder: Path, site: Path = SITE) -> list[Path]:
    """Return the setting files in the order in which each goes over the ones before."""
    found = [site]
    base = environ.get("XDG_CONFIG_HOME", "")
    if not base and environ.get("HOME"):
        base = f"{environ['HOME']}/.config"
    if base:
        found.append(Path(base) / "yprov" / "config.yaml")
    return [*found, folder / FOLDER]


def load(paths: list[Path]) -> Settings:
    """Return the settings of all files that are there. Raises YprovError for a broken one."""
    settings: Settings = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise YprovError(f"{path}: cannot be read: {error}") from error
        settings.update(_parse(path, text))
    return settings


def _parse(path: Path, text: str) -> Settings:
    # Here and not above: most have no file, and the job waits for the import.
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise YprovError(f"{path}{line}: not YAML: {problem}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise YprovError(f"{path}:1: give settings as `key: value` lines")
    settings: Settings = {}
    for key, value in root.value:
        where = f"{path}:{key.start_mark.line + 1}"
        name = str(key.value)
        if name not in _KINDS:
            raise YprovError(f"{where}: unknown key {name!r}; known are {', '.join(_KINDS)}")
        if name in settings:
            raise YprovError(f"{where}: {name!r} is set twice")
        settings[name] = _value(where, name, value)
    return settings


def _value(where: str, name: str, node: Node) -> object:
    """Return a setting's value if it is of the right kind."""
    kind, wanted = _KINDS[name]
    text = node.value if isinstance(node.value, str) else ""
    tag = node.tag.rpartition(":")[2]
    if kind == "bool" and tag == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind == "number" and tag in {"int", "float"}:
        try:
            return float(text)
        except ValueError:
            pass
    if kind == "str" and tag in {"str", "int"} and text:
        return text
    raise YprovError(f"{where}: {name!r} must be {wanted}")
