"""Runs one job to its end: reads the jail's pipes, watches the limits, and returns the outcome.

When `run` returns or raises, no process of the build is left.
"""

from __future__ import annotations

import os
import re
import selectors
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox import gauges
from contributions.sandbox.bubblewrap import SandboxUnavailable, find_bubblewrap
from contributions.sandbox.cgroups import Fence, make_fence
from contributions.sandbox.frames import BrokenFrames, FrameReader
from contributions.sandbox.jobs import MEGABYTE, Job, Outcome
from contributions.sandbox.launching import BUILD_UID, Jail, launched
from contributions.sandbox.logs import LogKeeper
from contributions.sandbox.proxying import Proxy, proxy_for
from contributions.sandbox.verdicts import Signs, decide

if TYPE_CHECKING:
    from pathlib import Path

_TICK = 0.1
_LEASE_TICK = 1.0
_OUTPUT_TICK = 2.0
# After its last frame, or after it was killed, a jail has this long to close its pipes.
_GRACE = 5.0
_READ = 1 << 16
_CHILD = re.compile(rb'"child-pid": (\d+)\D')


# Starts a jail for a job inside a fence; the third is the door to the proxy of a job that may use the network.
Opening = Callable[[Job, Fence, "Path | None"], AbstractContextManager[Jail]]


@dataclass(frozen=True)
class Cell:
    """How an executor confines one job: what counts its use of the machine, and what starts its jail."""

    fence: Fence
    opening: Opening


def run(
    job: Job,
    *,
    on_output: Callable[[bytes], None],
    keep_going: Callable[[], bool],
    artifacts_to: Path,
    uid: int = BUILD_UID,
) -> Outcome:
    """Run the job in bubblewrap as the unprivileged `uid` (when we are root), as `follow` tells."""
    bwrap = find_bubblewrap()
    cell = Cell(make_fence(job.limits), partial(launched, bwrap=bwrap, uid=uid))
    return follow(job, cell, on_output=on_output, keep_going=keep_going, artifacts_to=artifacts_to)


def follow(
    job: Job,
    cell: Cell,
    *,
    on_output: Callable[[bytes], None],
    keep_going: Callable[[], bool],
    artifacts_to: Path,
) -> Outcome:
    """Run the job in the jail that `cell` opens, and put its artifacts into `artifacts_to`.

    `on_output` gets the log as it comes, up to half of its limit; the last half follows at the end. `keep_going` is
    asked about every second, and False ends the build. Raises SandboxUnavailable, and Trouble for our own faults.
    """
    begun = time.monotonic()
    fence = cell.fence
    log = LogKeeper(on_output, job.limits.log_bytes)
    frames = FrameReader(artifacts_to, job.limits)
    try:
        with proxy_for(job) as proxy, cell.opening(job, fence, proxy.door if proxy else None) as jail:
            watch = _Watch(job, jail, fence, log, frames, keep_going, proxy)
            watch.follow()
        signs = _signs(fence, log, watch)
    finally:
        frames.close()
        fence.remove()
    if not (frames.delivery.begun or watch.ending or signs.memory):
        raise SandboxUnavailable(f"Builds cannot run here: {_first_line(log.recent)}")
    log.close()
    return decide(job, frames.delivery, watch.ending, signs, time.monotonic() - begun)


def _signs(fence: Fence, log: LogKeeper, watch: _Watch) -> Signs:
    return Signs(
        memory=fence.ran_out_of_memory() if fence.holds("memory") else None,
        processes=fence.ran_out_of_processes() if fence.holds("pids") else None,
        disk=watch.disk.was_full,
        recent_output=log.recent,
        log_bytes=log.seen,
        network=watch.network_is_spent,
    )


def _first_line(output: str) -> str:
    return next((line.strip() for line in output.splitlines() if line.strip()), "the jail did not start.")


@dataclass
class _Watch:
    """Follows one jail; `ending` becomes the reason for which we ended it, if we did."""

    job: Job
    jail: Jail
    fence: Fence
    log: LogKeeper
    frames: FrameReader
    keep_going: Callable[[], bool]
    proxy: Proxy | None = None
    ending: str = ""
    disk: gauges.Disk = field(default_factory=lambda: gauges.Disk(-1))
    news: bytes = b""
    deadline: float = float("inf")

    def __post_init__(self) -> None:
        self.begun = self.last_output = self.last_lease = self.last_size = self.last_look = time.monotonic()

    def follow(self) -> None:
        """Until all pipes are closed, which is when bwrap has ended."""
        with selectors.DefaultSelector() as pipes:
            # The jail's process id is read before anything that needs it.
            readers = {
                self.jail.news: self._take_news,
                self.jail.log: self._take_log,
                self.jail.frames: self._take_frames,
            }
            for pipe in readers:
                pipes.register(pipe, selectors.EVENT_READ)
            while pipes.get_map() and time.monotonic() < self.deadline:
                ready = {key.fd for key, _ in pipes.select(_TICK)}
                for pipe, take in readers.items():
                    if pipe in ready:
                        self._read(pipe, take, pipes)
                self._look()
        self._tell_of_the_network()

    def _read(self, pipe: int, take: Callable[[bytes], None], pipes: selectors.BaseSelector) -> None:
        data = os.read(pipe, _READ)
        if data:
            take(data)
        else:
            pipes.unregister(pipe)

    def _take_news(self, data: bytes) -> None:
        self.news += data
        child = _CHILD.search(self.news)
        if child and not self.jail.init:
            self.jail.meet_init(int(child[1]))

    def _take_log(self, data: bytes) -> None:
        self.last_output = time.monotonic()
        self.log.feed(data)
        if self.log.seen > self.job.limits.log_mb * MEGABYTE:
            self._end("log")

    def _take_frames(self, data: bytes) -> None:
        was_begun = self.frames.delivery.begun
        if self.ending:
            return
        try:
            self.frames.feed(data)
        except BrokenFrames:
            self._end("artifacts")
        except OSError as problem:
            raise errors.Trouble(f"The build's artifacts could not be stored: {problem.strerror}.") from problem
        if self.frames.delivery.begun and not was_begun:
            self._meet_program()
        self.disk.read()  # a full disk may be emptied again before the next look
        if self.frames.delivery.exit_code is not None:
            self.fence.look()
            self.jail.meet_end()
            self.deadline = min(self.deadline, time.monotonic() + _GRACE)

    def _meet_program(self) -> None:
        """Our program has begun and has not run the build yet: a last look at who it is."""
        self.jail.meet_program()
        if self.jail.is_root_outside():
            raise SandboxUnavailable("Builds cannot run here: the jail's user would be root on this host.")
        self.disk = gauges.Disk(self.jail.open_disk())

    def _end(self, reason: str) -> None:
        if not self.ending:
            self.ending = reason
            self.deadline = time.monotonic() + _GRACE
            self.jail.kill()

    def _look(self) -> None:
        """The limits that nothing but a look upholds; a jail that has ended itself is not judged any more."""
        now = time.monotonic()
        if self.ending or self.frames.delivery.exit_code is not None or now - self.last_look < _TICK / 2:
            return
        self.last_look = now
        limits = self.job.limits
        self.disk.read()
        self.fence.look()
        if now - self.begun > limits.wall_seconds:
            self._end("time")
        elif now - self.last_output > limits.idle_seconds:
            self._end("idle")
        elif self.disk.files > gauges.most_files(limits):
            self._end("files")
        elif self._holds_too_much():
            self._end("memory")
        elif self.network_is_spent:
            self._end("network")
        self._tell_of_the_network()
        self._look_less_often(now)

    @property
    def network_is_spent(self) -> bool:
        return self.proxy is not None and self.proxy.is_spent

    def _tell_of_the_network(self) -> None:
        news = self.proxy.news() if self.proxy else b""
        if news:
            self.log.feed(news if self.log.ends_a_line else b"\n" + news)

    def _holds_too_much(self) -> bool:
        """Where no control group counts the memory, we do: often enough for anything but a burst."""
        if self.fence.holds("memory") or not self.jail.init:
            return False
        held = gauges.memory_bytes(self.jail.init) + self.disk.used_bytes
        return held > self.job.limits.memory_mb * MEGABYTE

    def _look_less_often(self, now: float) -> None:
        if now - self.last_lease >= _LEASE_TICK:
            self.last_lease = now
            if not self.keep_going():
                self._end("stopped")
        output = self.job.output
        if output is not None and now - self.last_size >= _OUTPUT_TICK:
            self.last_size = now
            if gauges.directory_megabytes(output) > self.job.limits.disk_mb:
                self._end("disk")
