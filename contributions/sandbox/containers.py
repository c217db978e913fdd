"""Starts a jail as a container: the same program inside, the same frames, the same filter, by the engine's own means.

The frames leave by the container's standard output, the log by its standard error: both engines relay these.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import marshal
import os
import secrets
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox import inside, interior, seccomp
from contributions.sandbox.bubblewrap import SandboxUnavailable
from contributions.sandbox.cgroups import JAIL_PROCESSES, Fence, groups_around
from contributions.sandbox.jobs import MEGABYTE, Job
from contributions.sandbox.launching import Jail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.sandbox.engines import Engine

_JAIL_UID = 1000
_OPEN_FILES = 1024
_STACK_BYTES = 8 * MEGABYTE
_TEMPORARY_MEGABYTES = 64
_SHARED_MEMORY = "16m"
_KERNEL_USERS = 65536
# Until it is ended after its last frame, so that the counts of its group can be read.
_LINGERING = 4
# Process 1 is a shell, for it takes in the orphans; what it says goes to the log, what it hands on are the frames.
_BEGIN = f"""
exec 3>&1 1>&2
PATH=/usr/local/bin:/usr/bin:/bin
mkdir -p {inside.TREE} /build/home /build/tmp
chmod 1777 /build/tmp
if [ -e /toolchain/lib/libpython3.so ]; then export LD_LIBRARY_PATH=/toolchain/lib; fi
python3 -I -S {inside.ROOM}/inside.py 3 && exec sleep {_LINGERING}
"""


@dataclass(frozen=True)
class EngineFence(Fence):
    """The control groups that the engine makes and takes away; their counts are noted while they are there."""

    bounds: frozenset[str] = frozenset()
    met: set[str] = field(default_factory=set)

    def holds(self, controller: str) -> bool:
        return controller in self.bounds

    def look(self) -> None:
        self.met.update(["memory"] if super().ran_out_of_memory() else [])
        self.met.update(["pids"] if super().ran_out_of_processes() else [])

    def ran_out_of_memory(self) -> bool:
        return "memory" in self.met

    def ran_out_of_processes(self) -> bool:
        return "pids" in self.met

    def remove(self) -> None:
        """The engine does."""


@dataclass
class Container(Jail):
    """A started container; its engine knows it by `name`."""

    engine: Engine | None = None
    name: str = ""
    fence: EngineFence = field(default_factory=EngineFence)

    def _ask(self, *arguments: str) -> str:
        assert self.engine is not None  # noqa: S101 - the default is the base class's doing
        return self.engine.ask(*arguments)

    def meet_program(self) -> None:
        with contextlib.suppress(SandboxUnavailable, ValueError):
            if pid := int(self._ask("inspect", "--format", "{{.State.Pid}}", self.name)):
                self.meet_init(pid)
                self.fence.groups.update(groups_around(pid))

    def meet_end(self) -> None:
        self.kill()

    def is_root_outside(self) -> bool:
        try:
            lines = Path(f"/proc/{self.init}/status").read_text().splitlines() if self.init else []
        except OSError:
            return False
        return any(line.split()[1:] and "0" in line.split()[1:] for line in lines if line.startswith("Uid:"))

    def kill(self) -> None:
        if self._init_handle >= 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._init_handle, signal.SIGKILL)
        elif self.process.poll() is None:
            with contextlib.suppress(SandboxUnavailable):
                self._ask("kill", "--signal", "KILL", self.name)

    def end(self) -> None:
        """Kill what is left, and take the container away."""
        with self._handles:
            self.kill()
            ended = self._outer_has_ended() and self._inner_have_ended()
            with contextlib.suppress(SandboxUnavailable):
                self._ask("rm", "--force", self.name)
            if not ended:
                raise errors.Trouble("A build could not be ended; its processes are stuck in the kernel.")


@contextlib.contextmanager
def contained(job: Job, fence: Fence, door: Path | None, *, engine: Engine, uid: int) -> Iterator[Container]:
    """A running container for the block; after the block, or after our own death, nothing of it is left."""
    if not job.image:
        raise SandboxUnavailable("Builds in containers need a base image; the recipe and PATCHBAY_IMAGE name none.")
    assert isinstance(fence, EngineFence)  # noqa: S101 - the executor made it
    name = f"patchbay-{os.getpid()}-{secrets.token_hex(6)}"
    with contextlib.ExitStack() as ours:
        room = Path(ours.enter_context(tempfile.TemporaryDirectory(prefix="patchbay-room-")))
        room.chmod(0o755)
        ours.enter_context(_taken_away_after_our_death(engine, name))
        jail = _start(_options(job, fence, door, engine, uid, room, name), ours, engine, name, fence)
        try:
            yield jail
        finally:
            jail.end()


def _start(options: list[str], ours: contextlib.ExitStack, engine: Engine, name: str, fence: EngineFence) -> Container:
    ends = [os.pipe() for _ in range(3)]
    for reading, _ in ends:
        ours.callback(os.close, reading)
    (log, log_end), (frames, frames_end), (news, news_end) = ends
    try:
        process = subprocess.Popen(
            engine.command(*options),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=frames_end,
            stderr=log_end,
            start_new_session=True,
        )
    except OSError as problem:
        raise errors.Trouble(f"The container could not be started: {problem.strerror}.") from problem
    finally:
        for end in (log_end, frames_end, news_end):
            os.close(end)
    return Container(process, log, frames, news, engine=engine, name=name, fence=fence)


@contextlib.contextmanager
def _taken_away_after_our_death(engine: Engine, name: str) -> Iterator[None]:
    """An engine's containers outlive who started them; a shell that waits for our end removes this one then."""
    waiting, ours = os.pipe()
    script = 'read -r _; "$@" kill --signal KILL "$0"; exec "$@" rm --force "$0"'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, name, *engine.command()],
        cwd="/",
        stdin=waiting,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as keeper:
        os.close(waiting)
        try:
            yield
        finally:
            keeper.kill()
            os.close(ours)


def _options(  # noqa: PLR0913, PLR0917 - what a container is made from
    job: Job, fence: EngineFence, door: Path | None, engine: Engine, uid: int, room: Path, name: str
) -> list[str]:
    limits = job.limits
    bounded = [*("--pids-limit", str(limits.processes + JAIL_PROCESSES)), *("--cpus", str(limits.cpus))]
    bounded += ["--memory", f"{limits.memory_mb}m", "--memory-swap", f"{limits.memory_mb}m"]
    return [
        *("run", "--name", name, "--pull", "never", "--log-driver", "none", "--entrypoint", "/bin/sh"),
        *("--network", "none", "--ipc", "private", "--cgroupns", "private", "--hostname", job.variation.hostname),
        *("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--security-opt", f"seccomp={_profile(room, fence)}"),
        *(bounded if engine.bounds else []),
        *_ulimits(job),
        *_users(engine, uid),
        *_writable(job, engine),
        *_mounts(job, door, room, fence, uid),
        *("--workdir", "/build", job.image, "-c", _BEGIN),
    ]


def _profile(room: Path, fence: EngineFence) -> Path:
    path = room / "seccomp.json"
    path.write_text(json.dumps(seccomp.profile(memory_is_counted=fence.holds("memory"))))
    return path


def _ulimits(job: Job) -> list[str]:
    limits = {
        "core": 0,
        "fsize": job.limits.file_mb * MEGABYTE,
        "nofile": _OPEN_FILES,
        "nproc": 2 * (job.limits.processes + JAIL_PROCESSES),
        "stack": _STACK_BYTES,
    }
    return list(itertools.chain(*(("--ulimit", f"{name}={value}:{value}") for name, value in limits.items())))


def _users(engine: Engine, uid: int) -> list[str]:
    """The jail's user 1000 is `uid` outside, in users of its own; an engine without root knows its own user only."""
    if engine.name == "docker":
        return ["--user", f"{uid}:{uid}"]
    own = [
        "--http-proxy=false",
        "--unsetenv-all",
        "--no-hosts",
        "--read-only-tmpfs=false",
        "--user",
        f"{_JAIL_UID}:{_JAIL_UID}",
    ]
    if engine.rootless:
        return [*own, "--userns", f"keep-id:uid={_JAIL_UID},gid={_JAIL_UID}"]
    first, rest = f"0:{uid + 1}:{_JAIL_UID}", _KERNEL_USERS - _JAIL_UID - 1
    maps = (first, f"{_JAIL_UID}:{uid}:1", f"{_JAIL_UID + 1}:{uid + _JAIL_UID + 1}:{rest}")
    return [*own, *itertools.chain(*(("--uidmap", line, "--gidmap", line) for line in maps))]


def _writable(job: Job, engine: Engine) -> list[str]:
    """Temporary files have a small file system of their own here, for engines cannot mount a part of one twice."""
    more = ",notmpcopyup" if engine.name == "podman" else ""
    temporary = min(_TEMPORARY_MEGABYTES, job.limits.disk_mb)
    common = f"mode=1777,exec,nosuid,nodev{more}"
    build = ["--tmpfs", f"/build:rw,size={job.limits.disk_mb}m,{common}"]
    return [*build, "--tmpfs", f"/tmp:rw,size={temporary}m,{common}", "--shm-size", _SHARED_MEMORY]  # noqa: S108 - in the jail


def _mounts(job: Job, door: Path | None, room: Path, fence: EngineFence, uid: int) -> list[str]:
    inputs = [
        (job.sources, "/source.git"),
        (job.toolchain, "/toolchain"),
        (job.prepared, "/prepared"),
        (job.base and job.base / "source.git", "/base.git"),
        (job.base and job.base / "tree", inside.UNPACKED),
        (door, inside.DOOR),
    ]
    made = [f"{path.resolve()}:{place}:ro" for path, place in inputs if path is not None]
    if job.output is not None:
        if os.geteuid() == 0:
            os.chown(job.output, uid, uid)
        made.append(f"{job.output.resolve()}:/prepared:rw")
    made.append(f"{_furnished(job, room, fence)}:{inside.ROOM}:ro")
    return list(itertools.chain(*(("--volume", volume) for volume in made)))


def _furnished(job: Job, room: Path, fence: EngineFence) -> Path:
    """Our own files in the jail: the program, its orders and the steps."""
    orders = interior.orders(job, fence)
    orders["environment"] = {"TMPDIR": "/build/tmp", **job.variation.environment, **job.environment}
    contents = {"inside.py": Path(inside.__file__).read_bytes(), "job": marshal.dumps(orders, 4)}
    contents |= {f"steps/{number}": step.script.encode() for number, step in enumerate(job.steps)}
    place = room / "room"
    (place / "steps").mkdir(parents=True)
    for name, content in contents.items():
        (place / name).write_bytes(content)
        (place / name).chmod(0o444)
    for directory in (place, place / "steps"):
        directory.chmod(0o755)
    return place
