"""Which executor this worker builds with, and what goes on record about the jail that a build ran in."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.conf import settings

from contributions import sandbox
from contributions.errors import Trouble

from .recipes import toolchain_of

if TYPE_CHECKING:
    from pathlib import Path


def executor() -> sandbox.Executor:
    return sandbox.executor_named(settings.EXECUTOR, settings.SANDBOX_UID)


def facts_of(job: sandbox.Job, recipe: dict[str, Any]) -> dict[str, Any]:
    """The columns of a build that tell what confined it and what it ran with; all of it is ours to know."""
    confined = executor()
    return {
        "executor": confined.name,
        "sandbox": confined.describe(job.limits, job.image),
        "toolchain_digest": digest_of_toolchain(toolchain_of(recipe)),
    }


def digest_of_toolchain(place: Path | None) -> str:
    if place is None:
        return ""
    record = place / "toolchain.json"
    return _proven_digest(place, record.stat().st_mtime_ns) if record.exists() else ""


@functools.lru_cache(maxsize=64)
def _proven_digest(place: Path, recorded_at: int) -> str:
    """Each worker process looks once whether the files are still the ones that were recorded."""
    del recorded_at
    record = sandbox.read_toolchain(place)
    if record is None or not record["intact"]:
        raise Trouble(f"The toolchain {place.name} is not as it was prepared; prepare it again under another name.")
    return str(record["digest"])
