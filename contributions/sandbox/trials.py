"""Runs a script in a jail as a build would be run, for the proof of the sandbox's promises."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contributions.sandbox.jobs import Job, Limits, Outcome, Step

if TYPE_CHECKING:
    from contributions.sandbox.executors import Executor

LIMITS = Limits(wall_seconds=20, idle_seconds=20, memory_mb=96, processes=32, disk_mb=32, file_mb=24)


@dataclass(frozen=True)
class Trial:
    """What is tried in one jail after the other; `directory` is the host's, for canaries."""

    directory: Path
    executor: Executor
    image: str = ""

    def run(
        self,
        script: str,
        *,
        limits: Limits = LIMITS,
        environment: dict[str, str] | None = None,
        artifact_patterns: tuple[str, ...] = (),
        prepares: Path | None = None,
    ) -> Tried:
        """`prepares` is an empty directory of the host that the script fills at /prepared."""
        output: list[bytes] = []
        job = Job(
            steps=(Step("attack", script),),
            limits=limits,
            environment=environment or {},
            artifact_patterns=artifact_patterns,
            output=prepares,
            image=self.image,
        )
        place = Path(tempfile.mkdtemp(dir=self.directory))
        outcome = self.executor.run(job, on_output=output.append, keep_going=lambda: True, artifacts_to=place)
        return Tried(outcome, b"".join(output))


@dataclass(frozen=True)
class Tried:
    """How it ended, and what the build said."""

    outcome: Outcome
    output: bytes = field(repr=False)

    @property
    def log(self) -> str:
        return self.output.decode(errors="replace")
