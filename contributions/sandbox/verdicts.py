"""Decides how a build ended and says it in a sentence with the limit that ended it, if one did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.sandbox.gauges import most_files
from contributions.sandbox.jobs import Job, Limits, Outcome, ReachedLimit, Verdict

if TYPE_CHECKING:
    from contributions.sandbox.frames import Delivery

_FILE_TOO_LARGE = 128 + 25  # ended by SIGXFSZ
# What programs write when the C library tells them so; only asked where the kernel keeps no count for us.
_NO_MEMORY = ("MemoryError", "Cannot allocate memory", "out of memory", "memory exhausted")
_NO_PROCESS = ("Resource temporarily unavailable", "Cannot fork", "can't start new thread", "fork: retry")
_NO_DISK = ("No space left on device",)
_LARGE_FILE = ("File too large", "File size limit exceeded")


@dataclass(frozen=True)
class Signs:
    """What was seen of the limits from outside; None where this host keeps no such count."""

    memory: bool | None
    processes: bool | None
    disk: bool
    recent_output: str
    log_bytes: int
    network: bool = False


def words(name: str, limits: Limits) -> ReachedLimit:
    table = {
        "time": f"time limit of {limits.wall_seconds:g} seconds",
        "idle": f"limit of {limits.idle_seconds:g} seconds without output",
        "memory": f"memory limit of {limits.memory_mb} MB",
        "processes": f"limit of {limits.processes} processes",
        "disk": f"disk limit of {limits.disk_mb} MB",
        "files": f"limit of {most_files(limits)} files",
        "file": f"limit of {limits.file_mb} MB for one file",
        "log": f"log limit of {limits.log_mb} MB",
        "artifacts": f"limit of {limits.disk_mb} MB for all artifacts",
        "network": f"limit of {limits.network_mb} MB through the network",
    }
    return ReachedLimit(name, table[name])


def decide(job: Job, delivery: Delivery, ending: str, signs: Signs, seconds: float) -> Outcome:
    """`ending` is why we ended it ourselves: the name of a limit, "stopped" or nothing."""
    verdict, limit = _verdict(job, delivery, ending, signs)
    passed = verdict == Verdict.PASSED
    return Outcome(
        verdict=verdict,
        sentence=_sentence(verdict, delivery, limit, seconds),
        seconds=seconds,
        step="" if passed else delivery.step,
        exit_code=delivery.exit_code,
        limit=limit,
        steps=tuple(delivery.steps),
        artifacts=tuple(delivery.artifacts) if passed else (),
        refused=tuple(delivery.refused),
        log_bytes=signs.log_bytes,
    )


def _verdict(job: Job, delivery: Delivery, ending: str, signs: Signs) -> tuple[Verdict, ReachedLimit | None]:
    if ending == "stopped":
        return Verdict.STOPPED, None
    if ending:
        return Verdict.TIMED_OUT if ending in {"time", "idle"} else Verdict.FAILED, words(ending, job.limits)
    if delivery.exit_code == 0 and (delivery.artifacts or not job.artifact_patterns):
        return Verdict.PASSED, None
    limit = delivery.limit if delivery.exit_code == 0 else _limit_met(job.limits, delivery, signs)
    return Verdict.ERRORED if delivery.checkout_failed and limit is None else Verdict.FAILED, limit


def _limit_met(limits: Limits, delivery: Delivery, signs: Signs) -> ReachedLimit | None:
    """The likeliest limit behind a failure, best evidence first."""
    output = signs.recent_output
    met = {
        "network": signs.network,
        "memory": signs.memory,
        "disk": signs.disk or _says(output, _NO_DISK),
        "file": delivery.exit_code == _FILE_TOO_LARGE or _says(output, _LARGE_FILE),
        "processes": signs.processes,
    }
    if signs.memory is None:
        met["memory"] = _says(output, _NO_MEMORY)
    if signs.processes is None:
        met["processes"] = _says(output, _NO_PROCESS)
    return next((words(name, limits) for name, was_met in met.items() if was_met), None)


def _says(output: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in output for phrase in phrases)


def _sentence(verdict: Verdict, delivery: Delivery, limit: ReachedLimit | None, seconds: float) -> str:
    step = f"Step “{delivery.step}”" if delivery.step else "The build"
    if verdict == Verdict.PASSED:
        return f"The build passed in {seconds:.1f} seconds."
    if verdict == Verdict.STOPPED:
        return "The build was stopped."
    if verdict == Verdict.TIMED_OUT and limit:
        return f"{step} was ended at the {limit.words}."
    if verdict == Verdict.ERRORED:
        return "The commit could not be checked out in the sandbox."
    return _failure(step, delivery, limit)


def _failure(step: str, delivery: Delivery, limit: ReachedLimit | None) -> str:
    if delivery.checkout_failed and limit:
        return f"The checkout met the {limit.words}."
    if delivery.exit_code == 0 and limit is None and not delivery.refused:
        return "Every step passed, but no file matched the artifact patterns."
    if delivery.exit_code == 0 and delivery.refused and not delivery.artifacts:
        first = delivery.refused[0]
        return f"Every step passed, but no artifact could be taken: {first.name}: {first.reason}."
    met = f" at the {limit.words}" if limit else ""
    if delivery.exit_code is None:
        return f"{step} was ended{met}." if limit else f"{step} ended the program that ran it."
    return f"{step} ended with exit code {delivery.exit_code}{met}."
