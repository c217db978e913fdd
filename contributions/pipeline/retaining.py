"""What is kept and for how long: bytes that nothing names are swept, old logs and builds that nobody was given go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from contributions.models import Artifact, Attestation, Blob, Build, LogPiece, Publication, Settlement, UpstreamFetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

FOLDER = "blobs"
AT_ONCE = 1000
FETCHES_KEPT_FOR = timedelta(days=30)  # the clock makes one an hour for each component
ANSWERS_KEPT_FOR = timedelta(days=180)  # of conflicts that somebody began to settle and left
OVER = (Build.State.PASSED, Build.State.FAILED, Build.State.TIMED_OUT, Build.State.ERRORED)


@dataclass
class Swept:
    """What one sweep took away."""

    builds: int = 0
    fetches: int = 0
    settlements: int = 0
    blobs: int = 0
    bytes: int = 0
    strays: int = 0


def sweep() -> Swept:
    """Let go of what is old and then of the bytes that nothing names any more; safe beside everything else."""
    swept = Swept()
    if settings.KEEP_BUILD_DAYS:
        swept.builds = forget_old_builds()
        swept.fetches = forget_old_fetches()
    swept.settlements = forget_old_settlements()
    for size in _sweep_blobs():
        swept.blobs, swept.bytes = swept.blobs + 1, swept.bytes + size
    swept.strays = sum(1 for _ in _sweep_strays())
    return swept


def forget_old_builds() -> int:
    """Logs and files of old builds go, and what was sworn of them; the rows and their verdicts stay.

    Kept for ever are published builds, their repetitions, the newest of each revision on each release, and those of
    whole stacks.
    """
    old = _old_builds().values_list("pk", flat=True).order_by("pk")
    count = 0
    while keys := list(old[:AT_ONCE]):
        with transaction.atomic():
            Attestation.objects.filter(build__in=keys).delete()
            Artifact.objects.filter(build__in=keys).delete()
            LogPiece.objects.filter(build__in=keys).delete()
            count += Build.objects.filter(pk__in=keys).update(log=None, difference=None)
    return count


def _old_builds() -> Any:
    before = Now() - timedelta(days=settings.KEEP_BUILD_DAYS)
    own = Publication.objects.filter(Q(build=OuterRef("pk")) | Q(build=OuterRef("repeats")))
    newer = Build.objects.originals().filter(
        revision=OuterRef("revision"), release=OuterRef("release"), serial__gt=OuterRef("serial")
    )
    pieces = LogPiece.objects.filter(build=OuterRef("pk"))
    files = Artifact.objects.filter(build=OuterRef("pk"))
    aged = Build.objects.filter(state__in=OVER, queued_at__lt=before)
    superseded = Q(repeats__isnull=False) | Exists(newer) | Q(release__state="retired")
    superseded |= Q(assembly__isnull=False, depth__lt=F("assembly__height"))
    heavy = ~Q(log=None) | ~Q(difference=None) | Exists(pieces) | Exists(files)
    return aged.filter(superseded & ~Exists(own), heavy)


def forget_old_fetches() -> int:
    """The rows of old fetches, but for the newest of each component."""
    before = Now() - min(FETCHES_KEPT_FOR, timedelta(days=settings.KEEP_BUILD_DAYS))
    newer = UpstreamFetch.objects.filter(component=OuterRef("component"), pk__gt=OuterRef("pk"))
    old = UpstreamFetch.objects.filter(Exists(newer), queued_at__lt=before).exclude(state__in=["queued", "running"])
    return int(old.delete()[0])


def forget_old_settlements() -> int:
    """Those that nobody went on with: what was proposed stays with its port."""
    left = Settlement.objects.open().filter(finished_at__lt=Now() - ANSWERS_KEPT_FOR)
    return int(left.exclude(state__in=["queued", "running"]).delete()[0])


def _sweep_blobs() -> Iterator[int]:
    """The sizes of the blobs that went."""
    unnamed = Blob.objects.unnamed().filter(kept_at__lt=Now() - _grace()).order_by("pk")
    last = ""
    while keys := list(unnamed.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        last = keys[-1]
        for sha256 in keys:
            size = _sweep_blob(sha256)
            if size is not None:
                yield size


def _sweep_blob(sha256: str) -> int | None:
    """Row and file, unless somebody keeps the bytes just now: who does has the row locked, or waits for our end."""
    with transaction.atomic():
        held = Blob.objects.select_for_update(skip_locked=True).filter(pk=sha256, kept_at__lt=Now() - _grace())
        blob = held.first()
        if blob is None or not Blob.objects.unnamed().filter(pk=sha256).exists():
            return None
        blob.delete()
        default_storage.delete(Blob.path_of(sha256))
        return blob.size


def _sweep_strays() -> Iterator[str]:
    """Files without a row: a process was killed before it could write one. Young ones may be on their way."""
    before = timezone.now() - _grace()
    for path in stray_files():
        if default_storage.get_modified_time(path) < before:
            default_storage.delete(path)
            yield path


def _grace() -> timedelta:
    return timedelta(hours=settings.KEEP_UNNAMED_HOURS)


def stray_files() -> Iterator[str]:
    """The path of each file in storage that no row is for."""
    for folder in _folders():
        names = set(default_storage.listdir(f"{FOLDER}/{folder}")[1])
        known = set(Blob.objects.filter(pk__startswith=folder).values_list("pk", flat=True))
        yield from (f"{FOLDER}/{folder}/{name}" for name in sorted(names - known))


def _folders() -> list[str]:
    return sorted(default_storage.listdir(FOLDER)[0]) if default_storage.exists(FOLDER) else []
