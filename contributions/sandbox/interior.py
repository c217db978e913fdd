"""The jail as bwrap is told to build it: what a build sees, where it may write, and what is not there at all."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contributions.sandbox import inside, seccomp
from contributions.sandbox.cgroups import JAIL_PROCESSES, Fence
from contributions.sandbox.jobs import MEGABYTE, Job
from contributions.sandbox.roots import TOPS, python_of, root_of

_JAIL_UID = "1000"
_SHARED_MEMORY_BYTES = 16 * MEGABYTE
_LOCKED_BYTES = 65536

_FAKES = {
    "/etc/passwd": "root:x:0:0:root:/nonexistent:/bin/false\nbuild:x:1000:1000:build:/build/home:/bin/sh\n",
    "/etc/group": "root:x:0:\nbuild:x:1000:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "/etc/hosts": "127.0.0.1 localhost build elsewhere\n::1 localhost\n",
}
# What programs look up and nobody minds showing.
_HARMLESS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/services", "/etc/protocols", "/etc/mime.types")
# Of these, what belongs to the programs in /usr.
_OF_THE_SYSTEM = ("/etc/alternatives", "/etc/ld.so.cache")
_FOR_THE_NETWORK = (
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
)
# Python packages and programs beside those that came with the system's own python3. Where /usr/local has the only
# python3, as in Python's own images, it stays, without its packages.
_OWN_TOOLS = (
    "usr/lib/python3/dist-packages",
    *(("usr/local",) if Path("/usr/bin/python3").exists() else ("usr/local/lib/python3*/site-packages",)),
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
# The host's own story, of no use to a build.
_COVERED = (
    "cmdline config.gz diskstats interrupts iomem ioports kallsyms kcore key-users keys kmsg kpagecount kpageflags "
    "modules partitions sched_debug slabinfo softirqs swaps timer_list version_signature vmallocinfo zoneinfo"
)


# Gives bwrap a content to read: takes the bytes, answers the number of a descriptor.
Hold = Callable[[bytes], str]
# Gives bwrap a host path to mount: answers the path by which it can be reached.
Show = Callable[[Path], str]


@dataclass(frozen=True)
class Interpreter:
    """The python3 that the jail has, and the directory to show for it when it is not below /usr."""

    path: str
    needs: Path | None = None


def find_interpreter(toolchain: Path | None) -> Interpreter:
    """The one of the toolchain's root, else the system's python3, else the toolchain's, else the one that runs us."""
    if toolchain is not None and root_of(toolchain):
        return Interpreter(python_of(toolchain) or "/usr/bin/python3")
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(path).exists():
            return Interpreter(path)
    if toolchain is not None and (toolchain / "bin" / "python3").exists():
        return Interpreter("/toolchain/bin/python3")
    base = Path(sys.base_prefix).resolve()
    return Interpreter(str(base / "bin" / "python3"), needs=base)


@dataclass(frozen=True)
class Fittings:
    """What was made for this one jail: the `door` to its proxy, and the `room` that becomes its /build."""

    door: Path | None = None
    room: str | None = None


def options(job: Job, fence: Fence, hold: Hold, show: Show, fittings: Fittings) -> list[str]:
    """The arguments of bwrap, which carries them out in this order."""
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--clearenv", "--hostname", job.variation.hostname, "--uid", _JAIL_UID, "--gid", _JAIL_UID),
        *_system(job, show, network=fittings.door is not None),
        *_settings(job, hold, show, network=fittings.door is not None),
        *_process_files(),
        *_devices(),
        *_writable(job, fittings.room),
        *_inputs(job, show, fittings),
        *_room(job, fence, hold),
        *("--remount-ro", "/", "--chdir", "/build"),
        *("--seccomp", hold(seccomp.program(memory_is_counted=fence.holds("memory")))),
    ]


def _system(job: Job, show: Show, *, network: bool) -> list[str]:
    """The toolchain's own root, else the host's /usr."""
    root = root_of(job.toolchain)
    made = ["--ro-bind", show(root / "usr") if root else "/usr", "/usr"]
    if not (root or network or job.own_tools):
        made += _own_tools_covered()
    for name in TOPS:
        top = Path(root or "/", name)
        if top.is_symlink():
            made += ["--symlink", str(top.readlink()), f"/{name}"]
        elif top.is_dir():
            made += ["--ro-bind", show(top) if root else str(top), f"/{name}"]
    return made


def _settings(job: Job, hold: Hold, show: Show, *, network: bool) -> list[str]:
    """What lies in /etc."""
    made = []
    for path, content in _FAKES.items():
        made += ["--perms", "0444", "--ro-bind-data", hold(content.encode()), path]
    root = root_of(job.toolchain)
    for path in (*_HARMLESS, *(_FOR_THE_NETWORK if network else ())):
        if root is None or path not in _OF_THE_SYSTEM:
            made += ["--ro-bind-try", path, path]
        elif (root / path[1:]).exists():
            made += ["--ro-bind", show(root / path[1:]), path]
    return made


def _own_tools_covered() -> list[str]:
    """What the host's administrator installed is no part of the platform: builds must not come to need it.

    The prepare step keeps it, for it may need pip, which builds do not have.
    """
    made = []
    for path in sorted(str(found) for pattern in _OWN_TOOLS for found in Path("/").glob(pattern)):
        made += ["--size", "4096", "--perms", "0755", "--tmpfs", path, "--remount-ro", path]
    return made


def _process_files() -> list[str]:
    made = ["--proc", "/proc"]
    for name in _COVERED.split():
        if Path("/proc", name).exists():
            made += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    return made


def _devices() -> list[str]:
    """Not bwrap's --dev: its terminals would make bwrap map the jail's user by way of uid 0."""
    made = ["--perms", "0755", "--size", str(MEGABYTE), "--tmpfs", "/dev"]
    for name in _DEVICES:
        made += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    made += ["--symlink", "/proc/self/fd", "/dev/fd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        made += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    made += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108 - in the jail
    return [*made, "--remount-ro", "/dev"]


def _writable(job: Job, room: str | None) -> list[str]:
    """One file system of a fixed size for everything: temporary files count towards the disk limit too."""
    links = ["--symlink", "build/tmp", "/tmp", "--symlink", "../build/tmp", "/var/tmp"]  # noqa: S108 - in the jail
    if room:
        return ["--bind", room, "/build", *links]
    made = ["--size", str(job.limits.disk_mb * MEGABYTE), "--perms", "0755", "--tmpfs", "/build"]
    made += ["--dir", inside.TREE, "--dir", "/build/home", "--perms", "1777", "--dir", "/build/tmp"]
    return made + links


def _inputs(job: Job, show: Show, fittings: Fittings) -> list[str]:
    made: list[str] = []
    inputs = {"/source.git": job.sources, "/toolchain": job.toolchain, "/prepared": job.prepared}
    inputs[inside.DOOR] = fittings.door
    if job.base is not None:
        inputs["/base.git"] = job.base / "source.git"
        inputs[inside.UNPACKED] = None if fittings.room else job.base / "tree"
    for place, path in inputs.items():
        if path is not None:
            made += ["--ro-bind", show(path), place]
    if job.output is not None:
        made += ["--bind", show(job.output), "/prepared"]
    if job.toolchain is not None and any((job.toolchain / "lib").glob("libpython*")):
        made += ["--setenv", "LD_LIBRARY_PATH", "/toolchain/lib"]  # the toolchain carries an interpreter of its own
    interpreter = find_interpreter(job.toolchain)
    if interpreter.needs:
        made += ["--ro-bind", show(interpreter.needs), str(interpreter.needs)]
    return made


def _room(job: Job, fence: Fence, hold: Hold) -> list[str]:
    """Our own files in the jail: the program, its orders and the steps."""
    contents = {"inside.py": Path(inside.__file__).read_bytes(), "job": marshal.dumps(orders(job, fence), 4)}
    contents |= {f"steps/{number}": step.script.encode() for number, step in enumerate(job.steps)}
    made = []
    for name, content in contents.items():
        made += ["--perms", "0444", "--ro-bind-data", hold(content), f"{inside.ROOM}/{name}"]
    return made


def orders(job: Job, fence: Fence) -> dict[str, object]:
    return {
        "commit": job.commit if job.sources or job.base else "",
        "steps": [step.name for step in job.steps],
        "environment": {**job.variation.environment, **job.environment},
        "tree": job.variation.tree,
        "umask": job.variation.umask,
        "patterns": list(job.artifact_patterns),
        "most_bytes": job.limits.artifact_mb * MEGABYTE,
        "rlimits": _inner_limits(job, fence),
    }


def _inner_limits(job: Job, fence: Fence) -> dict[str, int]:
    """Since Linux 5.14 the process limit counts within the jail's own user namespace, if it is set in there."""
    processes = job.limits.processes + JAIL_PROCESSES
    limits = {"RLIMIT_NPROC": processes, "RLIMIT_MEMLOCK": _LOCKED_BYTES, "RLIMIT_MSGQUEUE": 0}
    if fence.holds("pids"):
        limits["RLIMIT_NPROC"] = 2 * processes  # the group's limit comes first, for it counts how often it was met
    if not fence.holds("memory"):
        limits["RLIMIT_AS"] = job.limits.memory_mb * MEGABYTE
    return limits
