"""Starts one jail: the chain of programs, the descriptors and private mounts it needs, and the way to end it all.

The chain is sh (enters the control groups, sets limits) -> setpriv (only when we are root) -> bwrap -> inside.py.
bwrap is process 1 of the jail and its environment can be read there, so the whole chain starts with an empty one.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox import inside, interior
from contributions.sandbox.bubblewrap import Bubblewrap, SandboxUnavailable
from contributions.sandbox.jobs import MEGABYTE, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.sandbox.cgroups import Fence

# The user that builds run as when the worker is root; no account has it.
BUILD_UID = 64999
_OPEN_FILES = 1024
_STACK_KB = 8192
_TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Directories that the file system standard promises; one of them is covered in the jail's own mount namespace.
_STAGES = ("/mnt", "/media", "/srv", "/opt")
OVERLAY_OPTIONS = "redirect_dir=on"  # else a directory of the release could not be renamed
# How long the kernel may take to clear a killed jail away.
_PATIENCE = 10.0


@dataclass
class Jail:
    """A started jail; `log`, `frames` and `news` are the reading ends of its three pipes."""

    process: subprocess.Popen[bytes]
    log: int
    frames: int
    news: int
    init: int = 0
    _init_handle: int = -1
    _handles: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def meet_init(self, pid: int) -> None:
        """Take a handle on the jail's process 1, whose end is the end of every process in it."""
        self.init = pid
        with contextlib.suppress(ProcessLookupError):
            self._init_handle = os.pidfd_open(self.init)
            self._handles.callback(os.close, self._init_handle)

    def meet_program(self) -> None:
        """Called when our program in the jail has begun; bwrap has told of its process 1 before."""

    def meet_end(self) -> None:
        """Called when our program in the jail has sent its last frame; bwrap ends with it."""

    def is_root_outside(self) -> bool:
        """Whether the jail's user is root on the host; a jail that has ended already is nobody."""
        try:
            inner, outer, _ = Path(f"/proc/{self.init}/uid_map").read_text().split()
        except (OSError, ValueError):
            return False
        return outer == "0" or inner == "0"

    def open_disk(self) -> int:
        """A handle on the jail's writable file system, to measure it by; -1 when the jail is gone already."""
        try:
            disk = os.open(f"/proc/{self.init}/root/build", os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return -1
        self._handles.callback(os.close, disk)
        return disk

    def kill(self) -> None:
        if self._init_handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init_handle, signal.SIGKILL)
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill what is left and wait until nothing of it lives; raises Trouble if the kernel keeps something."""
        with self._handles:
            self.kill()
            if not (self._outer_has_ended() and self._inner_have_ended()):
                raise errors.Trouble("A build could not be ended; its processes are stuck in the kernel.")

    def _outer_has_ended(self) -> bool:
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _inner_have_ended(self) -> bool:
        """The handle on process 1 becomes readable when the kernel has cleared its whole namespace."""
        return self._init_handle < 0 or bool(select.select([self._init_handle], [], [], _PATIENCE)[0])


@contextlib.contextmanager
def launched(job: Job, fence: Fence, door: Path | None, *, bwrap: Bubblewrap, uid: int) -> Iterator[Jail]:
    """A running jail for the block; after the block nothing of it is left."""
    with contextlib.ExitStack() as ours:
        with contextlib.ExitStack() as theirs:
            jail = _Launch(job, bwrap, fence, uid if os.geteuid() == 0 else None, door, ours, theirs).start()
        try:
            yield jail
        finally:
            jail.end()


@dataclass
class _Launch:
    """Gathers what one jail needs; `theirs` are the descriptors that we close once the jail has them."""

    job: Job
    bwrap: Bubblewrap
    fence: Fence
    uid: int | None
    door: Path | None
    ours: contextlib.ExitStack
    theirs: contextlib.ExitStack
    passed: list[int] = field(default_factory=list)
    mounts: list[tuple[Path, str]] = field(default_factory=list)
    lower: str = ""

    def start(self) -> Jail:
        (log, log_end), (frames, frames_end), (news, news_end) = self._pipe(), self._pipe(), self._pipe()
        self.passed += [frames_end, news_end]
        self._give(log_end)  # so that a build may open /dev/stderr; the frames stay ours
        command = self._command(frames_end, news_end)
        try:
            process = self._open_process(command, log_end)
        except OSError as problem:
            raise errors.Trouble(f"The sandbox could not be started: {problem.strerror}.") from problem
        return Jail(process, log, frames, news)

    def _give(self, what: int | Path) -> None:
        """Make the build's user the owner, where that is another than ours."""
        if self.uid is None:
            return
        try:
            os.chown(what, self.uid, self.uid)
        except OSError as problem:
            who = f"there is no user {self.uid} to run them as"
            raise SandboxUnavailable(f"Builds cannot run here: {who} ({problem.strerror}).") from problem

    def _open_process(self, command: list[str], log_end: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log_end,
            stderr=log_end,
            close_fds=True,
            pass_fds=self.passed,
            start_new_session=True,
        )

    def _pipe(self) -> tuple[int, int]:
        reading, writing = os.pipe()
        self.ours.callback(os.close, reading)
        self.theirs.callback(os.close, writing)
        return reading, writing

    def _hold(self, content: bytes) -> str:
        descriptor = os.memfd_create("patchbay")
        self.theirs.callback(os.close, descriptor)
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.passed.append(descriptor)
        return str(descriptor)

    def _command(self, frames: int, news: int) -> list[str]:
        if self.job.output is not None:
            self._give(self.job.output)
        fittings = interior.Fittings(self.door, self._room())
        options = interior.options(self.job, self.fence, self._hold, self._show, fittings)
        options += ["--info-fd", str(news)]
        arguments = self._hold(b"".join(os.fsencode(option) + b"\0" for option in options))
        program = [interior.find_interpreter(self.job.toolchain).path, "-I", "-S", f"{inside.ROOM}/inside.py"]
        jail = [self._binary(), "--args", arguments, "--", *program, str(frames)]
        lines = [*self._preparations(), f"exec {shlex.join([*self._drop(), *jail])}"]
        shell = ["/bin/sh", "-c", f"PATH={_TOOLS}\n" + " &&\n".join(lines)]
        return [_tool("unshare"), "--mount", "--propagation", "private", *shell] if self.mounts else shell

    def _binary(self) -> str:
        bwrap = self.bwrap
        if bwrap.needs is None:
            return str(bwrap.binary)
        return str(Path(self._show(bwrap.needs)) / bwrap.binary.relative_to(bwrap.needs))

    def _drop(self) -> list[str]:
        """Root must not start bwrap: its jail's user would be root outside."""
        if self.uid is None:
            return []
        user = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")
        bounds = ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--pdeathsig=KILL")
        return [_tool("setpriv"), *user, *bounds]

    def _preparations(self) -> list[str]:
        """Lines of sh: into the groups, under the limits, and the mounts."""
        lines = [f"echo 0 > {shlex.quote(str(group))}/cgroup.procs" for group in self.fence.directories]
        file_blocks = self.job.limits.file_mb * MEGABYTE // 512
        limits = {"c": 0, "f": file_blocks, "n": _OPEN_FILES, "s": _STACK_KB}
        lines += [f"ulimit -{letter} {value}" for letter, value in limits.items()]
        if self.mounts:
            lines.append(f"mount -t tmpfs -o mode=0755,size=64k patchbay {self._stage()}")
            lines.append(
                " ".join(["mkdir", "-p", *(place for path, place in self.mounts if path.is_dir()), str(self._stage())])
            )
        for path, place in self.mounts:
            lines += [] if path.is_dir() else [f": > {place}"]
            lines.append(f"mount --bind {shlex.quote(str(path))} {place}")
        return lines + (self._overlay() if self.lower else [])

    def _room(self) -> str | None:
        """As root we make /build ourselves, its tree laid over the unpacked release; otherwise the jail copies that."""
        if self.uid is None or self.job.base is None:
            return None
        self.lower = self._show(self.job.base / "tree")
        return f"{self._stage()}/room/build"

    def _overlay(self) -> list[str]:
        """Lines of sh; where the kernel lays nothing over this file system, the tree is copied."""
        room, size = f"{self._stage()}/room", self.job.limits.disk_mb
        layers = f"lowerdir={self.lower},upperdir={room}/upper,workdir={room}/work,{OVERLAY_OPTIONS}"
        mount = f"mount -t overlay -o nosuid,nodev,{layers} patchbay {room}/build/tree"
        return [
            f"mkdir {room}",
            f"mount -t tmpfs -o nosuid,nodev,mode=0755,size={size}m patchbay {room}",
            f"mkdir -m 0755 -p {room}/work {room}/upper {room}/build/tree {room}/build/home",
            f"mkdir -m 1777 {room}/build/tmp",
            f"chown {self.uid}:{self.uid} {room}/upper {room}/build {room}/build/*",
            f"{{ {mount} 2>/dev/null || cp -a {self.lower}/. {room}/build/tree; }}",
        ]

    def _show(self, path: Path) -> str:
        """As root a private mount, for directories above the path may be closed to the user we drop to."""
        path = path.resolve()
        self._require_readable(path)
        if self.uid is None:
            return str(path)
        self.mounts.append((path, f"{self._stage()}/{len(self.mounts)}"))
        return self.mounts[-1][1]

    def _stage(self) -> Path:
        """A directory to cover that none of our inputs lies below."""
        job, interpreter = self.job, interior.find_interpreter(self.job.toolchain)
        shown = [job.sources, job.base, job.toolchain, job.prepared, job.output, self.door]
        shown += [self.bwrap.needs, interpreter.needs]
        inputs = [path.resolve() for path in shown if path is not None]
        for stage in map(Path, _STAGES):
            if stage.is_dir() and not any(path.is_relative_to(stage) for path in inputs):
                return stage
        raise SandboxUnavailable("Builds cannot run here: none of /mnt, /media, /srv and /opt is free to mount on.")

    def _require_readable(self, path: Path) -> None:
        try:
            status = path.stat()
        except OSError as problem:
            raise errors.Trouble(f"The build's input {path.name} cannot be read: {problem.strerror}.") from problem
        needed = 0o005 if stat.S_ISDIR(status.st_mode) else 0o004
        if self.uid not in {None, status.st_uid} and status.st_mode & needed != needed:
            raise errors.Trouble(f"The build's input {path.name} is closed to the build user {self.uid}.")


def _tool(name: str) -> str:
    found = shutil.which(name, path=_TOOLS)
    if found is None:
        raise SandboxUnavailable(f"Builds cannot run here: the program {name} (util-linux) is not installed.")
    return found
