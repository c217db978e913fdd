"""What a recorded recipe means for the sandbox: its toolchain, environment and limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from contributions import sandbox
from contributions.errors import Trouble

if TYPE_CHECKING:
    from contributions.models import Build


def toolchain_of(recipe: dict[str, Any]) -> Path | None:
    """The named toolchain's directory. Raises Trouble when the operator has not prepared it on this worker."""
    name = recipe["toolchain"]
    if not name:
        return None
    path: Path = settings.TOOLCHAINS_DIR / name
    if Path(name).name != name or not path.is_dir():
        raise Trouble(f"The toolchain {name} is not prepared on this worker; run manage.py add_toolchain {name}.")
    return path


def image_of(recipe: dict[str, Any]) -> str:
    """The base image where builds run in containers; recipes on record from before had none."""
    return str(recipe.get("image") or settings.IMAGE)


def environment_of(row: Build, build: str = "") -> dict[str, str]:
    """The recipe's environment, with {release} and {build} filled in; `build` stands for its number if given.

    A repetition is told the number of the build that it repeats.
    """
    filled = {"{release}": row.release.name, "{build}": build or str(row.repeats_id or row.pk)}
    environment = {}
    for name, value in row.recipe["environment"].items():
        for mark, text in filled.items():
            value = value.replace(mark, text)  # noqa: PLW2901 - each mark is filled into the same value
        environment[name] = value
    return environment


def limits_of(recipe: dict[str, Any]) -> sandbox.Limits:
    return sandbox.Limits(
        wall_seconds=min(recipe["wall_seconds"], settings.LONGEST_BUILD_SECONDS),
        idle_seconds=recipe.get("idle_seconds", 300),  # recipes on record from before had none
        memory_mb=recipe["memory_mb"],
        disk_mb=recipe["disk_mb"],
        processes=recipe["processes"],
        log_bytes=settings.MAX_LOG_BYTES,
        log_mb=settings.LONGEST_LOG_MEGABYTES,
    )
