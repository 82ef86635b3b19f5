"""Settings from YAML files: the folder's over the user's over the site's.

Flags and `YPROV_*` variables go over all of them. An unknown key, or a value of the wrong kind, is
an error with the file's name and line, before anything is launched. Where a file cannot be read
(a home that this node may not enter, a file system that has gone), there are no settings from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from yprov_run.errors import YprovError, meant
from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml.nodes import Node

SITE = Path("/etc/yprov/config.yaml")
FOLDER = "yprov.yaml"

Settings = dict[str, object]

# What a configuration file may set: name: (kind, what a value is, what it does).
KEYS: dict[str, tuple[str, str, str]] = {
    "dir": ("str", "a folder", "where job directories go, as `--dir`"),
    "name": ("str", "a name", "the job's name, as `--name`"),
    "interval": ("number", "a number of seconds", "time between samples, as `--interval`"),
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
    "checksum_seconds": ("number", "a number of seconds", "what checksums may cost (60)"),
    "checksum_gb": ("number", "a number of gigabytes", "what checksums may read (50)"),
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
    "pue": ("number", "power usage effectiveness: the whole site's energy over the nodes'"),
    "source": ("text", "who says so"),
    "date": ("text", "as of when"),
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
    """Return the settings of all files that can be read. Raises YprovError for a broken one."""
    settings: Settings = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except UnicodeDecodeError as error:
            raise YprovError(f"{path}: cannot be read: {error}") from error
        except OSError as error:
            _tell_once(f"no settings from {path}: {error.strerror or error}")
            settings["patch"] = False  # it may speak against keeping changes to the code
            continue
        settings.update(_parse(path, text))
    return settings


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
    for inner_key, value in node.value:
        inner = f"{path}:{inner_key.start_mark.line + 1}"
        name = str(inner_key.value)
        if name not in known:
            raise YprovError(f"{inner}: unknown name {_unknown(name, known)}")
        yield inner, name, value


def _tariff(path: Path, where: str, node: Node) -> dict[str, object]:
    """Return what a kWh emits and costs; a figure without its source and date is refused."""
    found: dict[str, object] = {}
    for inner, name, value in _inner_lines(path, where, node, _TARIFF, TARIFF):
        kind, what = TARIFF[name]
        text = value.value if isinstance(value.value, str) else ""
        if kind == "text" and text:
            found[name] = text
            continue
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if kind == "text" or not 0 <= number < 1e9:
            raise YprovError(f"{inner}: {name!r} must be {what}")
        found[name] = number
    if not {"source", "date"} <= found.keys():
        raise YprovError(f"{where}: {_TARIFF!r} needs a `source` and a `date`")
    return found


def _numbers(path: Path, where: str, node: Node) -> dict[str, float]:
    """Return the thresholds of the advice."""
    numbers: dict[str, float] = {}
    for inner, name, value in _inner_lines(path, where, node, _NUMBERS, ADVICE):
        tag = value.tag.rpartition(":")[2]
        try:
            numbers[name] = float(value.value if tag in {"int", "float"} else "")
        except (TypeError, ValueError):
            raise YprovError(f"{inner}: {name!r} must be a number") from None
    return numbers


def _value(where: str, name: str, node: Node) -> object:
    """Return a setting's value if it is of the right kind."""
    kind, wanted, _ = KEYS[name]
    text = node.value if isinstance(node.value, str) else ""
    tag = node.tag.rpartition(":")[2]
    if kind == "bool" and tag == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind == "number" and tag in {"int", "float"}:
        try:
            return float(text)
        except ValueError:
            pass
    if kind == "list" and isinstance(node.value, list) and tag == "seq":
        items = [item.value for item in node.value]
        if all(isinstance(item, str) and item for item in items):
            return tuple(items)
    if kind == "str" and tag in {"str", "int"} and text:
        return text
    raise YprovError(f"{where}: {name!r} must be {wanted}")
