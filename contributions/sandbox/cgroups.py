"""A control group for one build, where this host lets us make one: memory, processes and processor time.

Version 1 has one hierarchy for each controller, version 2 one for all. What cannot be had is left out and said.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from contributions.sandbox.jobs import MEGABYTE, Limits

_CONTROLLERS = ("memory", "pids", "cpu")
_NAME = "patchbay-{pid}-{number}"
_OURS = re.compile(r"patchbay-(\d+)-\d+\Z")
# The processes of the jail itself: bwrap outside and inside, and the program that runs the steps.
JAIL_PROCESSES = 4
_PERIOD = 100_000  # microseconds; the kernel's default for processor quotas

_numbers = itertools.count()


@dataclass(frozen=True)
class Fence:
    """The groups of one build, by controller; empty where the host has none for us."""

    version: int = 0
    groups: dict[str, Path] = field(default_factory=dict)

    @property
    def directories(self) -> list[Path]:
        return sorted(set(self.groups.values()))

    def holds(self, controller: str) -> bool:
        return controller in self.groups

    def ran_out_of_memory(self) -> bool:
        return self._count("memory", "memory.oom_control" if self.version == 1 else "memory.events", "oom_kill") > 0

    def ran_out_of_processes(self) -> bool:
        return self._count("pids", "pids.events", "max") > 0

    def _count(self, controller: str, file: str, key: str) -> int:
        if controller not in self.groups:
            return 0
        try:
            lines = (self.groups[controller] / file).read_text().splitlines()
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in lines if line.split()[0] == key)

    def look(self) -> None:
        """Note the counts now; ours can be read until they are removed, so there is no hurry."""

    def remove(self) -> None:
        """Take the groups away as soon as the last process has left them, which takes the kernel milliseconds."""
        for directory in self.directories:
            _remove_patiently(directory)


def _remove_patiently(directory: Path) -> None:
    for _ in range(500):
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return


def make_fence(limits: Limits) -> Fence:
    """Groups that hold this build to its limits, or fewer of them, or none."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return Fence()
    return make_groups(*read_hierarchies(mounts, memberships), limits)


def groups_around(pid: int) -> dict[str, Path]:
    """The groups, by controller, that somebody else made for a process; to read their counts."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        memberships = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return {}
    own = _memberships(memberships)
    first = _first_version(mounts, own)
    if first:
        return first
    second = [
        _own_group(point, root, own.get("", "/"))
        for root, point, kind, _ in map(_mount_fields, mounts)
        if kind == "cgroup2"
    ]
    return {controller: group for group in second for controller in _CONTROLLERS}


def make_groups(version: int, parents: dict[str, Path], limits: Limits) -> Fence:
    """One group for each controller below the given parents, which of version 2 are all the same."""
    name = _NAME.format(pid=os.getpid(), number=next(_numbers))
    groups: dict[str, Path] = {}
    for controller, parent in parents.items():
        _sweep(parent)
        if _make_group(parent / name, _settings(version, controller, limits)):
            groups[controller] = parent / name
        elif parent / name not in groups.values():
            _remove_patiently(parent / name)
    return Fence(version if groups else 0, groups)


def _make_group(group: Path, settings: dict[str, str]) -> bool:
    """Whether the group took its settings, of which those ending in "?" are wished for and not required."""
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return False
    for file, value in settings.items():
        try:
            (group / file.removesuffix("?")).write_text(value)
        except OSError:
            if not file.endswith("?"):
                return False
    return True


def _settings(version: int, controller: str, limits: Limits) -> dict[str, str]:
    memory = str(limits.memory_mb * MEGABYTE)
    processes = str(limits.processes + JAIL_PROCESSES)
    quota = str(int(limits.cpus * _PERIOD))
    if version == 1:
        return {
            "memory": {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes?": memory},
            "pids": {"pids.max": processes},
            "cpu": {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": quota},
        }[controller]
    return {
        "memory": {"memory.max": memory, "memory.swap.max?": "0", "memory.oom.group?": "1"},
        "pids": {"pids.max": processes},
        "cpu": {"cpu.max": f"{quota} {_PERIOD}"},
    }[controller]


def read_hierarchies(mounts: list[str], memberships: list[str]) -> tuple[int, dict[str, Path]]:
    """The version in use and, for each controller, the group below which we may make ours.

    `mounts` are the lines of /proc/self/mountinfo, `memberships` those of /proc/self/cgroup.
    """
    own = _memberships(memberships)
    first = _first_version(mounts, own)
    return (1, first) if first else (2, _second_version(mounts, own.get("", "/")))


def _memberships(lines: list[str]) -> dict[str, str]:
    return {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}


def _first_version(mounts: list[str], own: dict[str, str]) -> dict[str, Path]:
    found = {}
    for mount in mounts:
        root, point, kind, options = _mount_fields(mount)
        for controller in _CONTROLLERS if kind == "cgroup" else ():
            if controller in options:
                found[controller] = _own_group(point, root, own.get(controller, "/"))
    return {controller: path for controller, path in found.items() if os.access(path, os.W_OK)}


def _second_version(mounts: list[str], own: str) -> dict[str, Path]:
    """The nearest group that hands its controllers down; a group with processes in it cannot."""
    for mount in mounts:
        root, point, kind, _ = _mount_fields(mount)
        if kind != "cgroup2":
            continue
        here = _own_group(point, root, own)
        for parent in (here, here.parent, Path(point)):
            handed_down = _words(parent / "cgroup.subtree_control")
            if "memory" in handed_down and os.access(parent, os.W_OK):
                return {controller: parent for controller in _CONTROLLERS if controller in handed_down}
    return {}


def _mount_fields(line: str) -> tuple[str, str, str, list[str]]:
    """Root, mount point, file system and its options, as proc(5) describes a line of mountinfo."""
    left, _, right = line.partition(" - ")
    return left.split()[3], left.split()[4], right.split()[0], right.split()[-1].split(",")


def _own_group(point: str, root: str, own: str) -> Path:
    group = Path(point) / Path(own).relative_to(root) if Path(own).is_relative_to(root) else Path(point)
    return group if group.is_dir() else Path(point)


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _sweep(parent: Path) -> None:
    """Remove the groups of workers that were killed before they could."""
    for group in parent.glob("patchbay-*"):
        ours = _OURS.match(group.name)
        if ours and not Path(f"/proc/{ours[1]}").exists():
            try:
                group.rmdir()
            except OSError:
                continue
