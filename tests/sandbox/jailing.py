"""Runs scripts in the jail, and the same scripts without it, so that an escape test can show both."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from contributions.sandbox import Job, Limits, Outcome, Step, run

HOSTILE = Path(__file__).parent / "hostile"
REPOSITORY = Path(__file__).parents[2]

# Small, so that an attack meets them soon.
LIMITS = Limits(
    wall_seconds=10,
    idle_seconds=10,
    memory_mb=192,
    processes=64,
    disk_mb=64,
    file_mb=96,
    artifact_mb=8,
    log_bytes=1 << 16,
    log_mb=64,
)


def attack(name: str) -> str:
    """The shell script that carries out the attack of this file name."""
    text = (HOSTILE / name).read_text()
    return text if name.endswith(".sh") else f"python3 -I - <<'END OF ATTACK'\n{text}\nEND OF ATTACK\n"


@dataclass(frozen=True)
class Jailed:
    outcome: Outcome
    log: str


@dataclass(frozen=True)
class Jailer:
    """Runs a script in the jail with artifacts going to `directory`."""

    directory: Path

    def __call__(self, script: str, **given: object) -> Jailed:
        output: list[bytes] = []
        job = Job(**{"steps": (Step("build", script),), "limits": LIMITS, **given})  # type: ignore[arg-type]
        self.directory.mkdir(exist_ok=True)
        outcome = run(job, on_output=output.append, keep_going=lambda: True, artifacts_to=self.directory)
        return Jailed(outcome, b"".join(output).decode(errors="backslashreplace"))


def unjailed(script: str, directory: Path, **environment: str) -> str:
    """The control: what the script prints when nothing confines it."""
    directory.mkdir(exist_ok=True)
    ended = subprocess.run(
        ["/bin/sh", "-eu", "-c", script],
        cwd=directory,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(directory), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return (ended.stdout + ended.stderr).decode(errors="backslashreplace")


def processes_marked(mark: str) -> list[str]:
    """The ids of the host's processes with this mark on their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return [pid for pid in found if pid != str(os.getpid())]


def wait_until(condition: object, seconds: float = 30) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False
