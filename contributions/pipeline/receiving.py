"""Receiving a revision: pull it from git or read the patch, make commits on its base, keep the bundle and the diff."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from contributions import patches
from contributions.checkout import commits, fingerprints, receipt
from contributions.errors import Invalid, Refusal, Trouble
from contributions.models import Artifact, Blob, Contribution, Event, Release, Revision, Standing

from .fitting import queue_fits_for
from .leasing import leased
from .places import mirror_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models.work import Work

PORTAL = ("Patchbay", "patchbay@localhost")  # the committer of commits that the portal makes of patches
Source = Revision.Source


@dataclass(frozen=True)
class Received:
    """What the portal knows of a revision once its bytes are read."""

    repository: Path
    base: str
    tip: str
    warnings: tuple[str, ...] = ()
    cover: str = ""


def receive(pk: int) -> Sequence[Work]:
    """Receive the revision if it waits for that; return the fits that it queued."""
    revision: Revision | None = Revision.objects.claim(pk)
    if revision is None:
        return []
    queued: Sequence[Work] = []
    with leased(revision):
        try:
            queued = READERS[revision.source](revision)
        except Refusal as refusal:
            _refuse(revision, refusal)
        except Trouble as trouble:
            revision.put_back(trouble.sentence)
    return queued


def _refuse(revision: Revision, refusal: Refusal) -> None:
    with transaction.atomic():
        revision.finish(Revision.State.REFUSED, sentence=refusal.sentence)
        Event.objects.write(
            Event.Verb.REFUSED, contribution=revision.contribution, revision=revision, text=refusal.sentence
        )


def _receive_words(revision: Revision) -> Sequence[Work]:
    with transaction.atomic():
        return _accept(revision)


def _receive_artifact(revision: Revision) -> Sequence[Work]:
    with transaction.atomic():
        if revision.raw is not None:
            Artifact.objects.get_or_create(revision=revision, name=revision.filename, defaults={"blob": revision.raw})
        return _accept(revision)


def _receive_patch(revision: Revision) -> Sequence[Work]:
    raw = revision.raw.read() if revision.raw else b""
    return _store(revision, _commits_of_patch(revision, patches.read_series(raw)))


def _receive_bundle(revision: Revision) -> Sequence[Work]:
    repository = mirror_of(revision.contribution.component)
    with tempfile.TemporaryDirectory(prefix="patchbay-") as place:
        bundle, quarantine = Path(place, "upload.bundle"), Path(place, "quarantine.git")
        bundle.write_bytes(revision.raw.read() if revision.raw else b"")
        tip = receipt.unpack_bundle(bundle, quarantine, alternates=repository)
        return _store(revision, _from_quarantine(revision, quarantine, tip))


def _receive_git(revision: Revision) -> Sequence[Work]:
    repository = mirror_of(revision.contribution.component)
    with tempfile.TemporaryDirectory(prefix="patchbay-") as place:
        quarantine = Path(place, "quarantine.git")
        private = settings.ALLOW_PRIVATE_UPSTREAMS
        tip = receipt.fetch_ref(
            revision.git_url, revision.git_ref, quarantine, alternates=repository, allow_private=private
        )
        return _store(revision, _from_quarantine(revision, quarantine, tip))


def _from_quarantine(revision: Revision, quarantine: Path, tip: str) -> Received:
    """Commits made elsewhere, on the release that they are nearest to."""
    known = {release.commit: release for release in _releases_for(revision)}
    found = receipt.base_of(quarantine, tip, list(known))
    if found is None:
        name = revision.contribution.component.name
        raise Invalid(f"The commits share no history with any release of {name} that the portal knows.")
    _, base = found
    return Received(quarantine, base, tip)


def _commits_of_patch(revision: Revision, series: patches.Series) -> Received:
    """Make commits on the base that the mail names, else the stated release, else the first that takes it."""
    repository = mirror_of(revision.contribution.component)
    texts = [
        commits.PatchText(
            message=patch.message,
            author_name=patch.author_name,
            author_email=patch.author_email,
            authored_at=patch.authored_at or revision.created_at,
            diff=patch.diff,
        )
        for patch in series.patches
    ]
    first: Refusal | None = None
    for base, warning in _bases(revision, series, repository):
        try:
            made = commits.make_commits(repository, base, texts, committer=PORTAL, at=revision.created_at)
        except Refusal as refusal:
            first = first or refusal
            continue
        warnings = (*warning, *made.warnings)
        return Received(repository, base, made.tip, warnings=warnings, cover=series.cover)
    raise first or Invalid(f"{revision.contribution.component.name} has no release that it could be applied to.")


def _bases(revision: Revision, series: patches.Series, repository: Path) -> list[tuple[str, tuple[str, ...]]]:
    bases: list[tuple[str, tuple[str, ...]]] = []
    if series.base_commit and commits.has_commit(repository, series.base_commit):
        bases.append((series.base_commit, ()))
    for release in _releases_for(revision):
        stated = revision.release is None or release.pk == revision.release.pk
        warning = (
            () if stated else (f"It does not apply to {revision.release.name} as sent; it does to {release.name}.",)
        )
        bases.append((release.commit, warning))
    return bases


def _releases_for(revision: Revision) -> list[Release]:
    """The stated release first, then the newest ones."""
    releases = list(Release.objects.filter(component=revision.contribution.component_id).newest_first())
    return sorted(releases, key=lambda release: release.pk != revision.release_id)


def _store(revision: Revision, received: Received) -> Sequence[Work]:
    """Keep what was received; from here on the bytes never change."""
    repository, base, tip = received.repository, received.base, received.tip
    bundle = receipt.make_bundle(repository, base, tip)
    diff = commits.diff(repository, base, tip)
    mbox = commits.mbox(repository, base, tip)
    listed = commits.commits_between(repository, base, tip)
    if not diff.strip():
        raise Invalid("It changes nothing: the tree is the same before and after.")
    columns = {
        "base_commit": base,
        "tip_commit": tip,
        "commits": [commit.as_data() for commit in listed],
        "files": [file.as_data() for file in patches.parse_diff(diff)],
        "fingerprint": fingerprints.patch_id(repository, base, tip),
        "warnings": list(received.warnings),
    }
    with transaction.atomic():
        columns |= {
            "bundle": Blob.objects.keep_bytes(bundle),
            "diff": Blob.objects.keep_bytes(diff),
            "mbox": Blob.objects.keep_bytes(mbox),
        }
        return _accept(revision, **columns)


def _accept(revision: Revision, **columns: Any) -> Sequence[Work]:
    """Record the receipt; the contribution shows this revision from now on and is asked about again."""
    contribution = Contribution.objects.select_for_update(of=("self",)).get(pk=revision.contribution_id)
    revision.finish(Revision.State.RECEIVED, sentence="", **columns)
    newest = contribution.current is None or contribution.current.number < revision.number
    if newest and not contribution.is_withdrawn:
        if contribution.state != Contribution.State.OPEN:
            contribution.move(Contribution.State.OPEN, current=revision)
        else:
            Contribution.objects.filter(pk=contribution.pk).update(current=revision)
            contribution.refresh_from_db()
    Event.objects.write(Event.Verb.RECEIVED, contribution=contribution, revision=revision)
    queued = queue_fits_for(revision) if contribution.has_patch and newest else []
    Standing.objects.recompute(contribution)
    return queued


READERS = {
    Source.PATCH: _receive_patch,
    Source.BUNDLE: _receive_bundle,
    Source.GIT: _receive_git,
    Source.ARTIFACT: _receive_artifact,
    Source.NOTE: _receive_words,
}
