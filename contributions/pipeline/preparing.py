"""The prepare step: may use the network, sees only upstream code, is run once for all that decides what it does."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings

from contributions import sandbox
from contributions.errors import Trouble

from .confining import digest_of_toolchain, executor
from .keeping import kept
from .recipes import environment_of, image_of, limits_of, toolchain_of
from .unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contributions.models import Build

_DIGEST = "digest"
_TREE = "tree"


@dataclass(frozen=True)
class Prepared:
    """What prepare left: a directory that nobody changes any more, and the SHA-256 over all that is in it."""

    tree: Path | None = None
    digest: str = ""


@contextmanager
def prepared_for(
    row: Build, mirror: Path, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool]
) -> Iterator[Prepared]:
    """What prepare leaves for this release and recipe, made now if it is not there yet; it stays during the block."""
    if not row.recipe["prepare"].strip():
        yield Prepared()
        return

    def make(into: Path) -> None:
        with unpacked(mirror, row.release.commit, keep_going) as base:
            _prepare(_job(row, base, into / _TREE), into, on_output, keep_going)

    with kept(settings.PREPARED_DIR / _key_of(row), make, keep_going) as place:
        yield Prepared(place / _TREE, (place / _DIGEST).read_text())


def _environment_of(row: Build) -> dict[str, str]:
    """The same for every build of a release: which of them comes first must not matter."""
    return settings.PREPARE_ENVIRONMENT | environment_of(row, build="0")


def _key_of(row: Build) -> str:
    """SHA-256 over everything that decides what prepare leaves, but for what the network answers."""
    deciding = {
        "commit": row.release.commit,
        "prepare": row.recipe["prepare"],
        "environment": _environment_of(row),
        "toolchain": digest_of_toolchain(toolchain_of(row.recipe)),
        "image": row.recipe.get("image", ""),
        "executor": executor().name,
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _network() -> sandbox.Network:
    """The world by way of the worker's proxy, as far as the operator opened it."""
    return sandbox.Network(
        hosts=tuple(settings.PREPARE_HOSTS),
        parent=settings.PREPARE_PROXY,
        allow_private=settings.ALLOW_PRIVATE_UPSTREAMS,
    )


def _job(row: Build, base: Path, output: Path) -> sandbox.Job:
    return sandbox.Job(
        steps=(sandbox.Step("prepare", row.recipe["prepare"]),),
        base=base,
        commit=row.release.commit,
        toolchain=toolchain_of(row.recipe),
        output=output,
        image=image_of(row.recipe),
        environment=_environment_of(row),
        network=_network(),
        limits=replace(limits_of(row.recipe), network_mb=settings.PREPARE_MEGABYTES),
    )


def _prepare(job: sandbox.Job, into: Path, on_output: Callable[[bytes], None], keep_going: Callable[[], bool]) -> None:
    """Run it on the bare release; what it leaves is sealed and told by its digest."""
    tree = into / _TREE
    tree.mkdir()
    outcome = executor().run(job, on_output=on_output, keep_going=keep_going, artifacts_to=into)
    if outcome.verdict != sandbox.Verdict.PASSED:
        raise Trouble(f"The prepare step did not pass on the bare release: {outcome.sentence or outcome.verdict}")
    (into / _DIGEST).write_text(sandbox.seal(tree))
