"""No sandbox at all: runs a job as a plain process of this host, as the control of every promise."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from contributions.sandbox import Artifact, Job, Limits, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534
MOST_BYTES = 1 << 20
PATIENCE = 3.0


class Unconfined:
    """Keeps none of the promises, but runs as nobody, so that a control harms nothing."""

    name = "unconfined"

    def lacks(self) -> str:
        return ""

    def counted(self) -> tuple[int, list[str]]:
        return 0, []

    def describe(self, limits: Limits) -> dict[str, object]:
        return asdict(limits)

    def run(
        self, job: Job, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool], artifacts_to: Path
    ) -> Outcome:
        del keep_going, artifacts_to
        begun = time.monotonic()
        tree = Path(tempfile.mkdtemp(dir="/tmp"))
        tree.chmod(0o777)
        script = job.steps[0].script.replace("/prepared/", f"{job.output}/") if job.output else job.steps[0].script
        mark = f"unconfined-{secrets.token_hex(8)}"
        environment = {**os.environ, **job.environment, "PATH": "/usr/local/bin:/usr/bin:/bin", "UNCONFINED": mark}
        drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if job.output:
            drop = {}  # so that what it makes belongs to root
        with subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **drop,
        ) as process:
            try:
                output, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired as waited:
                output = waited.output or b""
            end_all(mark)
        on_output(output[:MOST_BYTES])
        passed = process.returncode == 0
        found = sorted(path for path in tree.glob("dist/**/*") if path.is_file()) if passed else []
        return Outcome(
            Verdict.PASSED if passed else Verdict.FAILED,
            "It ran.",
            time.monotonic() - begun,
            artifacts=tuple(Artifact(str(path.relative_to(tree)), path, 0, "") for path in found),
        )


def end_all(mark: str) -> None:
    """Every process that was started with the mark in its environment."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
