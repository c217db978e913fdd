"""What may confine a build: each executor runs a job to its end, or says what this host lacks for it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from contributions.sandbox import seccomp
from contributions.sandbox.bubblewrap import SandboxUnavailable, find_bubblewrap
from contributions.sandbox.cgroups import make_fence
from contributions.sandbox.containers import EngineFence, contained
from contributions.sandbox.engines import find_engine
from contributions.sandbox.gauges import most_files
from contributions.sandbox.jobs import Limits
from contributions.sandbox.launching import BUILD_UID
from contributions.sandbox.running import Cell, follow, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contributions.sandbox.jobs import Job, Outcome


class Executor(Protocol):
    """Where the recipe's steps run; all of them keep the same promises, which docs/sandbox.md lists."""

    @property
    def name(self) -> str: ...

    def lacks(self) -> str:
        """What this host lacks for it, in a sentence; empty where it can run builds."""

    def describe(self, limits: Limits, image: str = "") -> dict[str, object]:
        """Everything about the jail that could matter to who trusts its artifacts, as plain JSON values."""

    def counted(self) -> tuple[int, list[str]]:
        """The version of the control groups in use, 0 for none, and what they bound."""

    def run(
        self, job: Job, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool], artifacts_to: Path
    ) -> Outcome:
        """Run the job to its end, as `sandbox.run` tells."""


@dataclass(frozen=True)
class InBubblewrap:
    """Namespaces made by bwrap, on the host's own /usr."""

    uid: int = BUILD_UID
    name: str = "bubblewrap"

    def lacks(self) -> str:
        try:
            find_bubblewrap()
        except SandboxUnavailable as missing:
            return missing.sentence
        return ""

    def counted(self) -> tuple[int, list[str]]:
        fence = make_fence(Limits())
        fence.remove()
        return fence.version, sorted(fence.groups)

    def describe(self, limits: Limits, image: str = "") -> dict[str, object]:
        del image  # builds see the host's own /usr
        version, bound = self.counted()
        filtered = seccomp.program(memory_is_counted="memory" in bound)
        return {
            "executor": self.name,
            "version": find_bubblewrap().version,
            "kernel": platform.release(),
            "machine": platform.machine(),
            "user": self.uid if os.geteuid() == 0 else os.geteuid(),
            "network": False,
            "cgroups": {"version": version, "bound": bound},
            "seccomp": hashlib.sha256(filtered).hexdigest(),
            "limits": {**asdict(limits), "files": most_files(limits)},
        }

    def run(
        self, job: Job, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool], artifacts_to: Path
    ) -> Outcome:
        return run(job, on_output=on_output, keep_going=keep_going, artifacts_to=artifacts_to, uid=self.uid)


@dataclass(frozen=True)
class InContainer:
    """Containers of podman or docker, each from the base image that the recipe names."""

    uid: int = BUILD_UID
    name: str = "container"

    def lacks(self) -> str:
        try:
            find_engine()
        except SandboxUnavailable as missing:
            return missing.sentence
        return ""

    def counted(self) -> tuple[int, list[str]]:
        engine = find_engine()
        return (engine.cgroups if engine.bounds else 0), engine.bounds

    def describe(self, limits: Limits, image: str = "") -> dict[str, object]:
        engine = find_engine()
        version, bound = self.counted()
        filtered = json.dumps(seccomp.profile(memory_is_counted="memory" in bound), sort_keys=True)
        return {
            "executor": self.name,
            "version": f"{engine.name} {engine.version}{' without root' if engine.rootless else ''}",
            "image": engine.ask("image", "inspect", "--format", "{{.Id}}", image) if image else "",
            "kernel": platform.release(),
            "machine": platform.machine(),
            "user": os.geteuid() if engine.rootless else self.uid,
            "network": False,
            "cgroups": {"version": version, "bound": bound},
            "seccomp": hashlib.sha256(filtered.encode()).hexdigest(),
            "limits": {**asdict(limits), "files": most_files(limits)},
        }

    def run(
        self, job: Job, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool], artifacts_to: Path
    ) -> Outcome:
        engine = find_engine()
        fence = EngineFence(version=engine.cgroups, bounds=frozenset(engine.bounds))
        cell = Cell(fence, partial(contained, engine=engine, uid=self.uid))
        return follow(job, cell, on_output=on_output, keep_going=keep_going, artifacts_to=artifacts_to)


EXECUTORS: dict[str, Callable[[int], Executor]] = {"bubblewrap": InBubblewrap, "container": InContainer}


def executor_named(name: str, uid: int = BUILD_UID) -> Executor:
    """The executor of that name; builds run as user `uid` of this host where the worker may choose."""
    return EXECUTORS[name](uid)
