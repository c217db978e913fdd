"""The prepare step: may use the network, sees only upstream code, is run once per release commit and recipe."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from contributions import sandbox
from contributions.checkout import sources
from contributions.errors import Trouble

from .confining import executor
from .recipes import environment_of, limits_of, toolchain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contributions.models import Build


def prepared_for(
    row: Build, repository: Path, *, on_output: Callable[[bytes], None], keep_going: Callable[[], bool]
) -> Path | None:
    """The read-only directory that prepare left for this release and recipe; made now if it is not there yet."""
    if not row.recipe["prepare"].strip():
        return None
    key = hashlib.sha256(f"{row.release.commit} {row.recipe_digest}".encode()).hexdigest()
    place: Path = settings.PREPARED_DIR / key
    with _one_at_a_time(settings.PREPARED_DIR / f"{key}.lock"):
        if not place.is_dir():
            _prepare(row, repository, place, on_output, keep_going)
    return place


def digest_of_prepared(place: Path | None) -> str:
    """SHA-256 over all that prepare left; counted once, for the directory never changes."""
    if place is None:
        return ""
    known = place.with_suffix(".sha256")
    with _one_at_a_time(place.with_suffix(".lock")):
        if not known.exists():
            known.write_text(sandbox.digest_of(place))
    return known.read_text()


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _network() -> sandbox.Network:
    """The world by way of the worker's proxy, as far as the operator opened it."""
    return sandbox.Network(
        hosts=tuple(settings.PREPARE_HOSTS),
        parent=settings.PREPARE_PROXY,
        allow_private=settings.ALLOW_PRIVATE_UPSTREAMS,
    )


def _prepare(
    row: Build, repository: Path, place: Path, on_output: Callable[[bytes], None], keep_going: Callable[[], bool]
) -> None:
    """Run prepare on the bare release into a directory of its own, and put that in place when it passed."""
    scratch = Path(tempfile.mkdtemp(prefix="new-", dir=place.parent))
    try:
        source, output = scratch / "source.git", scratch / "output"
        output.mkdir()
        sources.source_repository(repository, row.release.commit, source)
        job = sandbox.Job(
            steps=(sandbox.Step("prepare", row.recipe["prepare"]),),
            sources=source,
            commit=row.release.commit,
            toolchain=toolchain_of(row.recipe),
            output=output,
            image=row.recipe.get("image", ""),
            environment=settings.PREPARE_ENVIRONMENT | environment_of(row),
            network=_network(),
            limits=replace(limits_of(row.recipe), network_mb=settings.PREPARE_MEGABYTES),
        )
        outcome = executor().run(job, on_output=on_output, keep_going=keep_going, artifacts_to=scratch)
        if outcome.verdict != sandbox.Verdict.PASSED:
            raise Trouble(f"The prepare step did not pass on the bare release: {outcome.sentence or outcome.verdict}")
        output.replace(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
