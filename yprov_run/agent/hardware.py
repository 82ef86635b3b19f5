"""What a node is made of: kernel, system, processors, memory, network; from /proc and /sys.

No serial numbers and no addresses, so that equal nodes have equal descriptions. What the kernel
does not tell is left out.
"""

from __future__ import annotations

import os
import re

from yprov_run.measures import Json
from yprov_run.numerals import of_digits

_HEAD_BYTES = 4096
_MAX_DEVICES = 64


def describe(root: str = "/") -> Json:
    """Return a node's hardware and system; `root` is where its /proc, /sys and /etc are."""
    return {
        key: value
        for key, value in {
            **_system(root),
            **_processors(root),
            **_memory(root),
            "interconnect": _interconnect(root),
            "gpu_driver": _gpu_driver(root),
        }.items()
        if value not in ("", None, [])
    }


def _read(root: str, path: str) -> str:
    """Return the beginning of a small file without its last newline; empty if there is none.

    Not more than that: the kernel makes /proc/cpuinfo as it is read, and a whole one takes long.
    """
    try:
        fd = os.open(os.path.join(root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # noqa: PTH118
    except OSError:
        return ""
    try:
        return os.read(fd, _HEAD_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def _names(root: str, path: str) -> list[str]:
    try:
        return sorted(os.listdir(os.path.join(root, path)))[:_MAX_DEVICES]  # noqa: PTH118, PTH208
    except OSError:
        return []


def _system(root: str) -> Json:
    release = _read(root, "etc/os-release") or _read(root, "usr/lib/os-release")
    named = re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.MULTILINE)
    vendor = _read(root, "sys/class/dmi/id/sys_vendor")
    product = _read(root, "sys/class/dmi/id/product_name")
    firmware = [_read(root, f"sys/class/dmi/id/bios_{part}") for part in ("vendor", "version")]
    date = _read(root, "sys/class/dmi/id/bios_date")
    return {
        "firmware": " ".join(part for part in (*firmware, f"({date})" if date else "") if part),
        "kernel": _read(root, "proc/sys/kernel/osrelease"),
        "kernel_build": _read(root, "proc/sys/kernel/version"),
        "system": named[1] if named else "",
        "model": " ".join(part for part in (vendor, product) if part),
        "huge_pages": _chosen(_read(root, "sys/kernel/mm/transparent_hugepage/enabled")),
    }


def _chosen(text: str) -> str:
    """Return the word in brackets: `always [madvise] never`."""
    match = re.search(r"\[(\w+)\]", text)
    return match[1] if match else ""


def _processors(root: str) -> Json:
    """Return the processors; the first one stands for all as to its caches and siblings."""
    info: dict[str, str] = {}
    for line in _read(root, "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        info.setdefault(key.strip().lower(), value.strip())
    base = "sys/devices/system/cpu"
    online = count_list(_read(root, f"{base}/online"))
    per_package = count_list(_read(root, f"{base}/cpu0/topology/package_cpus_list")) or count_list(
        _read(root, f"{base}/cpu0/topology/core_siblings_list")
    )
    per_core = count_list(_read(root, f"{base}/cpu0/topology/thread_siblings_list"))
    nodes = count_list(_read(root, "sys/devices/system/node/online"))
    model = info.get("model name") or info.get("cpu") or info.get("cpu implementer", "")
    return {
        "cpu_model": model,
        "cpu_microcode": info.get("microcode", ""),
        "virtual": "hypervisor" in info.get("flags", "").split() or None,
        "cpus": online or None,
        "sockets": -(-online // per_package) if online and per_package else None,
        "cores_per_socket": per_package // per_core if per_package and per_core else None,
        "threads_per_core": per_core or None,
        "numa_nodes": nodes or None,
        "l3_cache": _read(root, f"{base}/cpu0/cache/index3/size"),
        "cpu_max_khz": of_digits(_read(root, f"{base}/cpu0/cpufreq/cpuinfo_max_freq")),
        "cpu_governor": _read(root, f"{base}/cpu0/cpufreq/scaling_governor"),
    }


def count_list(text: str) -> int:
    """Return how many numbers a kernel's list has: `0-3,8` has five; none for any other text."""
    count = 0
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low, high = of_digits(first), of_digits(last if dash else first)
        if low is None or high is None:
            return 0
        count += high - low + 1
    return max(0, count)


def _memory(root: str) -> Json:
    """Return the memory in whole GiB: of equal nodes it differs by some pages."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", _read(root, "proc/meminfo"), re.MULTILINE)
    return {"memory_gib": max(1, round(int(found[1]) / 2**20)) if found else None}


def _interconnect(root: str) -> list[str]:
    """Return the fabric adapters, and network cards with their speed; one text for each."""
    found = []
    for name in _names(root, "sys/class/infiniband"):
        base = f"sys/class/infiniband/{name}"
        for port in _names(root, f"{base}/ports"):
            words = (
                _read(root, f"{base}/ports/{port}/link_layer") or "fabric",
                _read(root, f"{base}/hca_type"),
                _read(root, f"{base}/ports/{port}/rate"),
                f"firmware {fw}" if (fw := _read(root, f"{base}/fw_ver")) else "",
                _kernel_driver(root, f"{base}/device"),
                _read(root, f"{base}/ports/{port}/state").partition(": ")[2].lower(),
            )
            found.append(f"{name}: " + ", ".join(word for word in words if word))
    for name in _names(root, "sys/class/cxi"):
        driver = _kernel_driver(root, f"sys/class/cxi/{name}/device")
        found.append(f"{name}: Slingshot" + (f", {driver}" if driver else ""))
    for name in _names(root, "sys/class/net"):
        base = f"sys/class/net/{name}"
        speed = of_digits(_read(root, f"{base}/speed"))
        if speed and os.path.exists(os.path.join(root, base, "device")):  # noqa: PTH110, PTH118
            driver = _kernel_driver(root, f"{base}/device")
            found.append(f"{name}: Ethernet, {speed} Mb/s" + (f", {driver}" if driver else ""))
    return found


def _kernel_driver(root: str, device: str) -> str:
    """Return a device's driver, with its version where it is none of the kernel's own."""
    try:
        name = os.path.basename(os.readlink(os.path.join(root, device, "driver")))  # noqa: PTH115, PTH118, PTH119
    except OSError:
        return ""
    version = _read(root, f"sys/module/{name}/version")
    return f"driver {name} {version}".rstrip()


def _gpu_driver(root: str) -> str:
    version = _read(root, "proc/driver/nvidia/version")
    nvidia = re.search(r"Kernel Module\s+(?:for \S+\s+)?([\d.]+)", version)
    if nvidia:
        return f"NVIDIA {nvidia[1]}"
    amd = _read(root, "sys/module/amdgpu/version")
    return f"amdgpu {amd}" if amd else ""
