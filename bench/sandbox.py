"""What the sandbox costs: an empty build against the bare command.

    python bench/sandbox.py

Prints the median and the 95th percentile in milliseconds of 60 runs each.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from contributions.sandbox import Job, Limits, Step, Verdict, run
from contributions.sandbox.cgroups import make_fence

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 60
WARM_UP = 3


def measure(act: Callable[[], object]) -> list[float]:
    """Milliseconds of each of the runs, in order of size."""
    for _ in range(WARM_UP):
        act()
    return sorted(_milliseconds(act) for _ in range(TIMES))


def _milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def report(name: str, times: list[float]) -> None:
    high = times[math.ceil(0.95 * len(times)) - 1]
    print(f"sandbox: {name:<44} median {statistics.median(times):6.1f} ms   p95 {high:6.1f} ms")


def bare() -> None:
    subprocess.run(["/bin/sh", "-eu", "-c", "true"], env={}, stdin=subprocess.DEVNULL, check=True)


def jailed(directory: Path) -> None:
    job = Job(steps=(Step("build", "true"),))
    outcome = run(job, on_output=lambda _: None, keep_going=lambda: True, artifacts_to=directory)
    if outcome.verdict != Verdict.PASSED:
        raise SystemExit(outcome.sentence)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        floor, ours = measure(bare), measure(lambda: jailed(Path(directory)))
    report("the bare command", floor)
    report("an empty build", ours)
    report("of it the control groups", measure(lambda: make_fence(Limits()).remove()))
    overhead = statistics.median(ours) - statistics.median(floor)
    print(f"sandbox: an empty build costs {overhead:.1f} ms more than the bare command (aim: within 60 ms)")


if __name__ == "__main__":
    main()
