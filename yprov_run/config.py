"""Settings from YAML files: the folder's over the user's over the site's.

Flags and `YPROV_*` variables go over all of them. An unknown key, or a value of the wrong kind, is
an error with the file's name and line, before anything is launched. Where a file cannot be read
(a home that this node may not enter, a file system that has gone, a pipe), there are no settings
from it. Lists of several files add up, and so do the thresholds of the advice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from yprov_run.errors import YprovError, meant
from yprov_run.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from yaml.nodes import Node

SITE = Path("/etc/yprov/config.yaml")
FOLDER = "yprov.yaml"

Settings = dict[str, object]

INTERVAL_S = (0.01, 86400.0)
_MOST_BYTES = 1 << 20

# What a configuration file may set: name: (kind, what a value is, what it does).
KEYS: dict[str, tuple[str, str, str]] = {
    "dir": ("folder", "a folder",
            "where job directories go, as `--dir`; a leading `~`, `$NAME`, `${NAME}` are replaced"),
    "name": ("str", "a name", "the job's name, as `--name`"),
    "interval": (
        "number", "a number of seconds, 0.01 to 86400", "time between samples, as `--interval`",
    ),
    "capture": ("bool", "true or false", "`false` captures little, as `--no-capture`"),
    "merge": ("bool", "true or false", "`false` records only, as `--no-merge`"),
    "report": ("bool", "true or false", "`false` makes no report, as `--no-report`"),
    "quiet": ("bool", "true or false", "`true` prints no summary, as `--quiet`"),
    "find_files": (
        "bool", "true or false", "`false` looks only at files that are named (`true`)",
    ),
    "patch": ("bool", "true or false", "`false` keeps no changes to the code (`true`)"),
    "env": ("list", "a list of names or patterns of variables",
            "more environment variables to keep, as `--env`"),
    "ignore": ("list", "a list of names or patterns",
               "more files and folders to pass over when looking for what the job read or wrote"),
    "checksum_seconds": (
        "number", "a number of seconds, 0 or more", "what checksums may cost (60)",
    ),
    "checksum_gb": ("number", "a number of gigabytes, 0 or more", "what checksums may read (50)"),
}  # fmt: skip

_NUMBERS = "advice"

# What a configuration file may set under `advice`: name: (default, what it bounds).
ADVICE: dict[str, tuple[float, str]] = {
    "least_seconds": (60.0, "jobs shorter than this many seconds get no advice"),
    "gpu_idle_below": (0.02, "a GPU whose mean utilisation is below this share is idle"),
    "gpu_low_below": (0.4, "mean utilisation of the GPUs in use below this share is low"),
    "cpu_high_above": (0.6, "mean CPU time not idle above this share is high"),
    "io_wait_above": (0.1, "mean CPU time waiting for I/O above this share is high"),
    "memory_used_below": (0.5, "peak memory below this share of what was asked for is little"),
    "time_used_below": (0.5, "time below this share of the limit is little"),
    "time_used_above": (0.95, "time above this share of the limit is close to being killed"),
    "imbalance_above": (0.25, "a node this share less used than the median node is behind"),
    "throttled_above": (0.05, "a GPU held back by power or heat for more than this share"),
    "straggler_above": (0.1, "a node that ends this share of the time after the median is late"),
}

_TARIFF = "tariff"

# What a configuration file may set under `tariff`: name: (kind, what it is). No value is built in.
TARIFF: dict[str, tuple[str, str]] = {
    "g_co2e_per_kwh": ("number", "grams of CO2 equivalent per kWh"),
    "price_per_kwh": ("number", "the price of a kWh"),
    "currency": ("text", "of that price"),
    "pue": (
        "number",
        "power usage effectiveness: the whole site's energy over the nodes', at least 1",
    ),
    "source": ("text", "who says so"),
    "date": ("text", "as of when"),
}

# Between what a number must be: others of the advice are shares, others of the tariff at least 0.
_SHARE, _AT_LEAST_0 = (0.0, 1.0), (0.0, 1e9)
_RANGES = {
    "interval": INTERVAL_S, "checksum_seconds": _AT_LEAST_0, "checksum_gb": _AT_LEAST_0,
    "least_seconds": _AT_LEAST_0, "pue": (1.0, 1e9),
}  # fmt: skip


class Folder(NamedTuple):
    """A folder as a configuration file names it, and where that file does."""

    text: str
    where: str

    def expanded(self, environ: Mapping[str, str]) -> str:
        """Return it with a leading `~` and variables replaced; YprovError for an unset one."""
        # Here and not above: with a file, YAML has imported it.
        import re

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if not environ.get(name):
                raise YprovError(f"{self.where}: 'dir': the variable {name} is not set")
            return environ[name]

        home = re.sub(r"^~(?=/|$)", "${HOME}", self.text)
        return re.sub(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", value, home)


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
    """Return the settings of all files that can be read. Raises YprovError for a broken one."""
    settings: Settings = {}
    for path in paths:
        try:
            text = _text(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except UnicodeDecodeError as error:
            raise YprovError(f"{path}: cannot be read: {error}") from error
        except OSError as error:
            _tell_once(f"no settings from {path}: {error.strerror or error}")
            settings["patch"] = False  # it may speak against keeping changes to the code
            continue
        for name, value in _parse(path, text).items():
            settings[name] = _together(name, settings.get(name), value)
    return settings


def _text(path: Path) -> str:
    path.stat()
    # Here and not above: most have no file.
    from yprov_run.safefile import read_regular

    return read_regular(path, _MOST_BYTES).decode("utf-8")


def _together(name: str, before: object, value: object) -> object:
    """Return what holds where a later file sets what an earlier one has set."""
    if isinstance(before, tuple) and isinstance(value, tuple) and name != "dir":
        return (*before, *value)
    if name == _NUMBERS and isinstance(before, dict) and isinstance(value, dict):
        return {**before, **value}
    return value


_told: list[str] = []


def _tell_once(problem: str) -> None:
    """Say on one line what keeps us from the settings; only once, however often they are read."""
    if not _told and sys.stderr is not None:
        words = f"yprov-run: {problem}".replace("\n", " ")
        # It is told where settings are read, long before there is a record that could hold it.
        with suppress(OSError, UnicodeError):
            print(words, file=sys.stderr, flush=True)
    _told.append(problem)


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
        if name not in KEYS and name not in (_NUMBERS, _TARIFF):
            raise YprovError(f"{where}: unknown key {_unknown(name, (*KEYS, _NUMBERS, _TARIFF))}")
        if name in settings:
            raise YprovError(f"{where}: {name!r} is set twice")
        if name == _TARIFF:
            settings[name] = _tariff(path, where, value)
        else:
            settings[name] = (
                _numbers(path, where, value) if name == _NUMBERS else _value(where, name, value)
            )
    return settings


def _unknown(name: str, known: Iterable[str]) -> str:
    """Return a name with what was probably meant, else with all that there are."""
    return repr(name) + (meant(name, known) or f"; known are {', '.join(known)}")


def _inner_lines(
    path: Path, where: str, node: Node, key: str, known: Iterable[str]
) -> Iterator[tuple[str, str, Node]]:
    """Yield (where, name, value) of the lines below a key; YprovError for an unknown name."""
    if not isinstance(node.value, list) or node.tag.rpartition(":")[2] != "map":
        raise YprovError(f"{where}: {key!r} must be `name: value` lines, indented")
    seen = set()
    for inner_key, value in node.value:
        inner = f"{path}:{inner_key.start_mark.line + 1}"
        name = str(inner_key.value)
        if name not in known:
            raise YprovError(f"{inner}: unknown name {_unknown(name, known)}")
        if name in seen:
            raise YprovError(f"{inner}: {name!r} is set twice")
        seen.add(name)
        yield inner, name, value


def _tariff(path: Path, where: str, node: Node) -> dict[str, object]:
    """Return what a kWh emits and costs; a figure without its source and date is refused."""
    found: dict[str, object] = {}
    for inner, name, value in _inner_lines(path, where, node, _TARIFF, TARIFF):
        kind, what = TARIFF[name]
        text = value.value if isinstance(value.value, str) else ""
        if kind == "number":
            found[name] = _number(inner, name, value, what, _AT_LEAST_0)
        elif text:
            found[name] = text
        else:
            raise YprovError(f"{inner}: {name!r} must be {what}")
    if not {"source", "date"} <= found.keys():
        raise YprovError(f"{where}: {_TARIFF!r} needs a `source` and a `date`")
    return found


def _numbers(path: Path, where: str, node: Node) -> dict[str, float]:
    """Return the thresholds of the advice."""
    numbers: dict[str, float] = {}
    for inner, name, value in _inner_lines(path, where, node, _NUMBERS, ADVICE):
        wanted = "0 or more" if _RANGES.get(name) == _AT_LEAST_0 else "0 to 1"
        numbers[name] = _number(inner, name, value, f"a number, {wanted}", _SHARE)
    return numbers


def _number(
    where: str, name: str, node: Node, wanted: str, usual: tuple[float, float] = _SHARE
) -> float:
    """Return a number that is within its key's range, else within the usual one of its kind."""
    least, most = _RANGES.get(name, usual)
    try:
        number = float(node.value if isinstance(node.value, str) else "")
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise YprovError(f"{where}: {name!r} must be {wanted}")
    return number


def _value(where: str, name: str, node: Node) -> object:
    """Return a setting's value if it is of the right kind."""
    kind, wanted, _ = KEYS[name]
    text = node.value if isinstance(node.value, str) else ""
    tag = node.tag.rpartition(":")[2]
    if kind == "bool" and tag == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind == "number":
        return _number(where, name, node, wanted)
    if kind == "list" and isinstance(node.value, list) and tag == "seq":
        items = [item.value for item in node.value]
        if all(isinstance(item, str) and item for item in items):
            return tuple(items)
    if kind in {"str", "folder"} and tag in {"str", "int"} and text:
        return Folder(text, where) if kind == "folder" else text
    raise YprovError(f"{where}: {name!r} must be {wanted}")
