"""Receiving a revision: pull it from git or read the patch, make commits on its base, keep the bundle and the diff."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions import patches, rules
from contributions.checkout import bundles, commits, fingerprints, folding, mirror, receipt, repositories, sameness
from contributions.claims import bugs_closed_by
from contributions.errors import Invalid, Refusal, Trouble
from contributions.models import (
    Artifact,
    Blob,
    Claim,
    Contribution,
    Event,
    LineComment,
    Release,
    Revision,
    Standing,
    Touch,
)
from contributions.models.carrying import carries
from contributions.plaintext import clean

from .areas import work_area
from .contrasting import queue_comparisons_for
from .files import told_of
from .inspecting import inspected, refuse_other_bytes
from .leasing import Lease, leased
from .offering import queue_offers_after
from .places import mirror_of, mirror_with
from .porting import port_base, refuse_other_places, release_of
from .queueing import queue_fits_for
from .settling import settle, take_up
from .siding import sides_of
from .unveiling import unveil_if_clear, wait_for_fits
from .upstreaming import place_as_told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

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
    since: str = ""  # where its bundle begins, if upstream has no such base
    is_merged: bool = False


def needs_a_jail(pk: int) -> bool:
    """Whether only a worker with a sandbox can receive it: a file of a stranger's making is looked into."""
    return Revision.objects.filter(pk=pk, source=Source.ARTIFACT).exists()


def receive(pk: int) -> Sequence[Work]:
    """Receive the revision if it waits for that; return the fits that it queued."""
    revision: Revision | None = Revision.objects.claim(pk)
    if revision is None:
        return []
    queued: Sequence[Work] = []
    with leased(revision) as lease:
        try:
            if revision.source == Source.ARTIFACT:
                queued = _receive_artifact(revision, lease)
            else:
                queued = READERS[revision.source](revision)
        except Refusal as refusal:
            _refuse(revision, refusal)
        except Trouble as trouble:
            revision.put_back(trouble.sentence)
    return [*queued, *unveil_if_clear(revision.contribution_id)]


def _refuse(revision: Revision, refusal: Refusal) -> None:
    sentence = clean(refusal.sentence)
    with transaction.atomic():
        revision.finish(Revision.State.REFUSED, sentence=sentence)
        Event.objects.write(Event.Verb.REFUSED, contribution=revision.contribution, revision=revision, text=sentence)


def _receive_words(revision: Revision) -> Sequence[Work]:
    with transaction.atomic():
        return _accept(revision)


def _receive_artifact(revision: Revision, lease: Lease) -> Sequence[Work]:
    """Only what was looked into becomes an artifact; until then its author and staff alone can have the bytes."""
    blob = revision.raw
    if blob is None:
        raise Invalid("The file did not arrive.")
    refuse_other_bytes(revision, blob)
    report = inspected(revision, blob, keep_going=lease.is_held)
    found = {"blob": blob, "media_type": report.media_type, "contents": report.contents}
    with transaction.atomic():
        Artifact.objects.get_or_create(revision=revision, name=revision.filename, defaults=found)
        return _accept(revision)


def _receive_patch(revision: Revision) -> Sequence[Work]:
    return _store(revision, _commits_of_patch(revision, _raw(revision)))


def _receive_bundle(revision: Revision) -> Sequence[Work]:
    repository = mirror_of(revision.contribution.component)
    with work_area() as place:
        bundle, quarantine = place / "upload.bundle", place / "quarantine.git"
        bundle.write_bytes(_raw(revision))
        tip = receipt.unpack_bundle(bundle, quarantine, alternates=repository)
        return _store(revision, _from_quarantine(revision, quarantine, tip))


def _receive_git(revision: Revision) -> Sequence[Work]:
    repository = mirror_of(revision.contribution.component)
    url, ref, private = revision.git_url, revision.git_ref, settings.ALLOW_PRIVATE_UPSTREAMS
    with work_area() as place:
        quarantine = place / "quarantine.git"
        tip = receipt.fetch_ref(url, ref, quarantine, alternates=repository, allow_private=private)
        return _store(revision, _from_quarantine(revision, quarantine, tip))


def _receive_suggestions(revision: Revision) -> Sequence[Work]:
    """Peers' edits, folded into the series that they were suggested for."""
    older = revision.amends
    if older is None:
        raise Invalid("The revision that the edits change is not known.")
    repository = mirror_with(older)
    edits = [
        folding.Edit(one["path"], one["start"], one["end"], tuple(one["quoted"]), tuple(one["lines"]), one["by"])
        for one in json.loads(_raw(revision))
    ]
    tip = folding.fold(repository, older.tip_commit, edits, committer=PORTAL, at=revision.created_at)
    if tip == older.base_commit:
        raise Invalid("With these edits nothing is left of the change.")
    return _store(revision, Received(repository, older.base_commit, tip))


def _receive_lifted(revision: Revision) -> Sequence[Work]:
    """A patch of a fork, on a release and perhaps on a base of its own, as `pipeline.unmasking` bundled it."""
    if revision.release is None:
        raise Invalid("The release that it was made for is not known any more.")
    repository = mirror_of(revision.contribution.component)
    with work_area() as place:
        bundle, quarantine = place / "upload.bundle", place / "quarantine.git"
        bundle.write_bytes(_raw(revision))
        tip = receipt.unpack_bundle(bundle, quarantine, alternates=repository)
        base, (since,) = revision.base_commit, bundles.read_header(bundle.read_bytes()).needs
        return _store(revision, Received(quarantine, base, tip, since=since if since != base else ""))


def _raw(revision: Revision) -> bytes:
    """The bytes as they were sent; a patch or bundle is no larger than settings.MAX_PATCH_BYTES."""
    return revision.raw.read() if revision.raw else b""


def _from_quarantine(revision: Revision, place: Path, tip: str) -> Received:
    """Commits made elsewhere, on the release or branch of upstream that they are nearest to."""
    component = revision.contribution.component
    if revision.is_port:
        return Received(place, port_base(revision, place, tip), tip)
    branches = [seen.commit for seen in mirror.releases_in(mirror_of(component), ".*") if seen.kind == "branch"]
    base = receipt.base_of(place, tip, [*(release.commit for release in _releases_for(revision)), *branches])
    if base is None:
        raise Invalid(f"The commits share no history with any release of {component.name} that the portal knows.")
    return Received(place, base.commit, tip)


def _commits_of_patch(revision: Revision, raw: bytes) -> Received:
    """Make commits on the base that the mail names, else the stated release, else the first that takes it."""
    repository = mirror_of(revision.contribution.component)
    if revision.is_port:
        received = _made_on(repository, release_of(revision).commit, raw, revision.created_at, ())
        refuse_other_places(revision, received.warnings, is_merged=received.is_merged)
        return received
    first: Refusal | None = None
    for base, warnings in _bases(revision, _stated_base(raw), repository):
        try:
            return _made_on(repository, base, raw, revision.created_at, warnings)
        except Refusal as refusal:
            first = first or refusal
    raise first or Invalid(f"{revision.contribution.component.name} has no release that it could be applied to.")


def _stated_base(raw: bytes) -> str | None:
    """The base that the mail names; what else may be wrong with it is told when it is read for a base."""
    try:
        return patches.read_series(raw).base_commit
    except Refusal:
        return None


def _made_on(repository: Path, base: str, raw: bytes, at: datetime, warnings: tuple[str, ...]) -> Received:
    series = patches.read_series(raw, exists=repositories.paths_in(repository, base).__contains__)
    texts = [
        commits.PatchText(patch.message, patch.author_name, patch.author_email, patch.authored_at, patch.diff)
        for patch in series.patches
    ]
    made = commits.make_commits(repository, base, texts, committer=PORTAL, at=at)
    return Received(repository, base, made.tip, (*warnings, *made.warnings), is_merged=made.is_merged)


def _bases(revision: Revision, stated: str | None, repository: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Where it may belong, most likely first, each with what the author should know if it turns out to be that."""
    bases: list[tuple[str, tuple[str, ...]]] = []
    if stated and repositories.has_commit(repository, stated):
        bases.append((stated, ()))
    for release in _releases_for(revision):
        warning = ""
        if revision.release is not None and release.pk != revision.release.pk:
            warning = f"It does not apply to {revision.release.name} as you said; it does to {release.name}."
        bases.append((release.commit, (warning,) if warning else ()))
    return bases


def _releases_for(revision: Revision) -> list[Release]:
    """The stated release first, then the newest ones."""
    releases = list(Release.objects.filter(component=revision.contribution.component_id).newest_first())
    return sorted(releases, key=lambda release: release.pk != revision.release_id)


def _store(revision: Revision, received: Received) -> Sequence[Work]:
    """Keep what was received; from here on the bytes never change."""
    repository, base, tip = received.repository, received.base, received.tip
    bundle = receipt.make_bundle(repository, base, tip, since=received.since)
    diff = commits.diff(repository, base, tip)
    mbox = commits.mbox(repository, base, tip)
    listed = commits.commits_between(repository, base, tip)
    if not diff.strip():
        raise Invalid("It changes nothing: the tree is the same before and after.")
    files = patches.parse_diff(diff)
    sides = sides_of(repository, files)
    columns: dict[str, Any] = {
        "base_commit": base,
        "tip_commit": tip,
        "commits": [_commit_data(commit) for commit in listed],
        "files": [told_of(file) | facts for file, facts in zip(files, sides.facts, strict=True)],
        "licences": rules.written_by((file.new_path, hunk.raw) for file in files for hunk in file.hunks),
        "fingerprint": fingerprints.patch_id(repository, base, tip),
        "fingerprints": sameness.file_fingerprints(repository, base, tip),
        "warnings": list(received.warnings),
    }
    _tell_older_files(revision)
    with transaction.atomic():
        columns |= {
            "bundle": Blob.objects.keep_bytes(bundle),
            "diff": Blob.objects.keep_bytes(diff),
            "mbox": Blob.objects.keep_bytes(mbox),
            "sides": None if sides.packed is None else Blob.objects.keep_bytes(sides.packed),
        }
        return _accept(revision, files, **columns)


def _tell_older_files(revision: Revision) -> None:
    """Give those that were received before files had fingerprints theirs, so that what was said of them may carry."""
    earlier = revision.contribution.revisions.filter(number__lt=revision.number, fingerprints={})
    for older in earlier.exclude(bundle=None).select_related("contribution__component", "bundle"):
        files = sameness.file_fingerprints(mirror_with(older), older.base_commit, older.tip_commit)
        Revision.objects.filter(pk=older.pk).update(fingerprints=files)


def _commit_data(commit: commits.Commit) -> dict[str, str]:
    return {
        "sha": commit.sha,
        "subject": clean(commit.subject),
        "body": clean(commit.body),
        "author": clean(f"{commit.author_name} <{commit.author_email}>"),
        "authored_at": commit.authored_at.isoformat() if commit.authored_at else "",
    }


def _accept(revision: Revision, parsed: Sequence[patches.FileDiff] = (), /, **columns: Any) -> Sequence[Work]:
    """Record the receipt; the contribution shows this revision from now on and is asked about again."""
    contribution = Contribution.objects.select_for_update(of=("self",)).get(pk=revision.contribution_id)
    revision.fingerprints = columns.setdefault("fingerprints", _whole(revision))
    earlier = contribution.revisions.filter(number__lt=revision.number, state=Revision.State.RECEIVED)
    columns["carries"] = carries(list(earlier.only("number", "fingerprint", "fingerprints")), revision)
    revision.finish(Revision.State.RECEIVED, sentence="", **columns)
    LineComment.objects.unresolved().filter(taken_in=revision).update(
        resolved_at=Now(), resolved_by=revision.submitted_by
    )
    if revision.is_port:
        return _accept_port(contribution, revision)
    newest = contribution.current is None or contribution.current.number < revision.number
    if newest and not contribution.is_withdrawn:
        take_up(contribution, revision)
        Touch.objects.replace(contribution, parsed, revision.fingerprints)
        wait_for_fits(contribution)
        _show_note(revision)
        _claim(contribution, columns.get("commits", []))
        place_as_told(contribution, revision)
    Event.objects.write(Event.Verb.RECEIVED, contribution=contribution, revision=revision)
    queued = [*queue_fits_for(revision), *queue_comparisons_for(revision)] if contribution.has_patch and newest else []
    Standing.objects.recompute(contribution)
    return queued


def _accept_port(contribution: Contribution, port: Revision) -> Sequence[Work]:
    """It is never what the contribution shows: it stands on its own release, beside the current revision."""
    Event.objects.write(
        Event.Verb.PORTED, actor=port.submitted_by, contribution=contribution, revision=port, release=port.release
    )
    queued = [*queue_fits_for(port), *queue_comparisons_for(port), *queue_offers_after(port)]
    Standing.objects.recompute(contribution)
    settle(contribution)
    return queued


def _claim(contribution: Contribution, told: list[dict[str, str]]) -> None:
    """What the commits say that they close, unless its author has said what it claims."""
    if contribution.claims.exists():
        return
    lines = bugs_closed_by(f"{commit['subject']}\n\n{commit['body']}" for commit in told)
    Claim.objects.bulk_create(
        Claim(contribution=contribution, kind=Claim.Kind.FIXES, text=line.text, url=line.url, position=position)
        for position, line in enumerate(lines)
    )


def _whole(revision: Revision) -> dict[str, str]:
    """What is no patch is one file, told by its bytes."""
    return {revision.filename: revision.fingerprint} if revision.fingerprint else {}


def _show_note(revision: Revision) -> None:
    """A note's contribution says what its newest revision says."""
    if revision.source == Source.NOTE and revision.text:
        shown = {"description": revision.text, "description_html": revision.html}
        Contribution.objects.filter(pk=revision.contribution_id).update(**shown)


READERS: dict[str, Callable[[Revision], Sequence[Work]]] = {
    Source.PATCH: _receive_patch,
    Source.BUNDLE: _receive_bundle,
    Source.GIT: _receive_git,
    Source.NOTE: _receive_words,
    Source.SUGGESTION: _receive_suggestions,
    Source.FORK: _receive_lifted,
}
