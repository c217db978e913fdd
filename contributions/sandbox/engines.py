"""The container engine of this host, podman or docker: what it is, what it can bound, and how it is called."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contributions.sandbox.bubblewrap import SandboxUnavailable

_SECONDS = 60
_MISSING = "Builds cannot run in containers here: neither podman nor a running docker is to be found."
# crun refuses hosts where both versions of control groups have controllers; without a look at the second it works.
_HYBRID = "/sys/fs/cgroup/unified"
_APART = ("unshare", "--mount", "--propagation", "private", "sh", "-c", f'umount {_HYBRID} && exec "$@"', "sh")


@dataclass(frozen=True)
class Engine:
    """`binary` is podman or docker; `prefix` is what it must be started by on this host."""

    name: str
    binary: str
    version: str
    cgroups: int
    rootless: bool
    prefix: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        return [*self.prefix, self.binary, *arguments]

    def ask(self, *arguments: str) -> str:
        """What it prints; raises SandboxUnavailable with what it complains of."""
        return _ask(self.command(*arguments))

    @property
    def bounds(self) -> list[str]:
        """Engines without root can bound something by the second version alone."""
        return [] if self.rootless and self.cgroups == 1 else ["cpu", "memory", "pids"]


@functools.cache
def find_engine() -> Engine:
    """Podman before docker: it needs no daemon, and gives each container users of its own."""
    if binary := shutil.which("podman"):
        answer = _ask(
            [binary, "info", "--format", "{{.Version.Version}} {{.Host.CgroupsVersion}} {{.Host.Security.Rootless}}"]
        )
        version, groups, rootless = answer.split()
        return Engine("podman", binary, version, int(groups.strip("v")), rootless == "true", _prefix())
    if binary := shutil.which("docker"):
        answer = _ask([binary, "info", "--format", "{{.ServerVersion}} {{.CgroupVersion}} {{.SecurityOptions}}"])
        version, groups, options = answer.split(maxsplit=2)
        return Engine("docker", binary, version, int(groups), "rootless" in options)
    raise SandboxUnavailable(_MISSING)


def _prefix() -> tuple[str, ...]:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    hybrid = any(f" {_HYBRID} " in mount and " - cgroup2 " in mount for mount in mounts)
    return _APART if hybrid and os.geteuid() == 0 else ()


def _ask(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SandboxUnavailable(f"Builds cannot run in containers here: {problem}.") from problem
    if done.returncode:
        last = (done.stderr.strip() or "the engine said nothing").splitlines()[-1]
        raise SandboxUnavailable(f"Builds cannot run in containers here: {last}")
    return done.stdout.strip()
