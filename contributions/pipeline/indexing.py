"""Signing the index of the feed: what changed is signed anew, all of one change appears at once or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse

from contributions.models import Event, IndexFile, Publication, Release
from contributions.models.index import database_time, lock_index, place_of, targets_of
from contributions.signing import repository
from contributions.signing.repository import SNAPSHOT, TARGETS, TIMESTAMP, Delegation, Target, Version

from .keyholding import key_store
from .roots import Authority, authority_for, may_have_a_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from contributions.models import Build

log = logging.getLogger(__name__)

FORMAT = 1  # of what a target tells about itself: count it up and all is signed anew
KEPT = timedelta(days=30)  # how long a version that was followed by another can still be had
# A file is signed again when this part of its life is over.
RENEWED_AFTER = {TIMESTAMP: 1 / 24, SNAPSHOT: 1 / 2, TARGETS: 2 / 3}


def is_due() -> bool:
    """Whether the signer has something to do; costs a few small queries."""
    timestamp, snapshot = IndexFile.objects.newest(TIMESTAMP), IndexFile.objects.newest(SNAPSHOT)
    if timestamp is None or snapshot is None:
        return may_have_a_root()
    if IndexFile.objects.filter(waits=True).exists() or _wears_out(timestamp, database_time()):
        return True
    return has_news()


def has_news() -> bool:
    """Whether the feed tells of something that the newest snapshot does not know of."""
    snapshot = IndexFile.objects.newest(SNAPSHOT)
    return snapshot is not None and _newest_event() > (snapshot.through or 0)


def tells_of(attestation: int) -> bool:
    """Whether the index has something to say of the build that this attestation is about."""
    return Publication.objects.live().filter(build__attestation=attestation).exists()


def sign() -> Sequence[IndexFile]:
    """Sign what changed since it was signed last, and what wears out; return the new files.

    Everything is signed inside one transaction, by one signer at a time: a client sees the old index whole or the new
    one whole, also when the signer is killed. Raises Trouble when a key is not here.
    """
    with transaction.atomic():
        lock_index()
        now, through = database_time(), _newest_event()
        authority = authority_for(key_store(), now)
        if authority is None:
            return []
        edition = _Edition(authority, now)
        edition.sign_all()
        IndexFile.objects.filter(pk=edition.newest[SNAPSHOT].pk).update(through=through)
        if edition.made:
            IndexFile.objects.outlived(KEPT).delete()
    for file in edition.made:
        log.info("Signed %s, good until %s.", file, file.expires_at)
    return edition.made


def life_of(role: str) -> timedelta:
    """How long a file of the role is good for."""
    if role == TIMESTAMP:
        return timedelta(hours=settings.INDEX_TIMESTAMP_HOURS)
    return timedelta(days=settings.INDEX_SNAPSHOT_DAYS if role == SNAPSHOT else settings.INDEX_TARGETS_DAYS)


class _Edition:
    """One change of the index, signed from the leaves up: releases, targets, snapshot, and the timestamp last."""

    def __init__(self, authority: Authority, now: datetime) -> None:
        self.authority = authority
        self.now = now
        self.newest = {file.role: file for file in IndexFile.objects.newest_of_each()}
        self.made: list[IndexFile] = []
        self.versions: dict[str, Version] = {}
        if last := IndexFile.objects.newest(SNAPSHOT):
            content = bytes(last.content)
            self.versions = repository.files_of_snapshot(content) | {SNAPSHOT: Version.of(last.version, content)}

    def sign_all(self) -> None:
        delegations = [self._sign_release(release, rows) for release, rows in _releases(self.newest)]
        self._sign_targets(delegations)
        self._sign_snapshot()
        self._sign_timestamp()

    def _sign_release(self, release: Release, rows: Sequence[Any]) -> Delegation:
        signer, place = self.authority.releases, place_of(release)
        basis = [settings.SITE_URL, place, signer.public_key.keyid, rows]
        self._renew(
            release.slug,
            basis,
            lambda version, expires: repository.release_file(version, expires, _targets(release), signer),
        )
        return Delegation(release.slug, f"{place}/*/*")

    def _sign_targets(self, delegations: Sequence[Delegation]) -> None:
        signer, keys = self.authority.signers[TARGETS], [self.authority.releases.public_key]
        keyids = [signer.public_key.keyid, *(key.keyid for key in keys)]
        self._renew(
            TARGETS,
            [keyids, [[given.role, given.pattern] for given in delegations]],
            lambda version, expires: repository.targets_file(version, expires, delegations, keys, signer),
        )

    def _sign_snapshot(self) -> None:
        signer = self.authority.signers[SNAPSHOT]
        files = {role: said for role, said in self.versions.items() if role != SNAPSHOT}
        self._renew(
            SNAPSHOT,
            [signer.public_key.keyid, sorted((role, said.version) for role, said in files.items())],
            lambda version, expires: repository.snapshot_file(version, expires, files, signer),
        )

    def _sign_timestamp(self) -> None:
        signer, snapshot = self.authority.signers[TIMESTAMP], self.versions[SNAPSHOT]
        self._renew(
            TIMESTAMP,
            [signer.public_key.keyid, snapshot.version],
            lambda version, expires: repository.timestamp_file(version, expires, snapshot, signer),
        )

    def _renew(self, role: str, basis: Sequence[Any], written: Callable[[int, datetime], bytes]) -> None:
        """Sign the role's next version if it would say something new, or the newest one wears out."""
        last, digest = self.newest.get(role), _digest([FORMAT, *basis])
        if last is not None and last.basis == digest and not _wears_out(last, self.now):
            return
        version, expires = (last.version if last else 0) + 1, self.now + life_of(role)
        content = written(version, expires)
        file = IndexFile.objects.create(
            role=role, version=version, content=content, expires_at=expires.replace(microsecond=0), basis=digest
        )
        self.newest[role] = file
        self.versions[role] = Version.of(version, content)
        self.made.append(file)


def _newest_event() -> int:
    return Event.objects.of_the_feed().aggregate(newest=Max("pk"))["newest"] or 0


def _wears_out(file: IndexFile, now: datetime) -> bool:
    part = RENEWED_AFTER.get(file.role, RENEWED_AFTER[TARGETS])
    return now >= file.expires_at - (1 - part) * life_of(file.role)


def _digest(basis: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(basis).encode()).hexdigest()


def _releases(signed: Mapping[str, IndexFile]) -> list[tuple[Release, Sequence[Any]]]:
    """Every release that has, or once had, something to install; with what tells one state of it from another.

    What was held back and given back since is another state, so that a file that was written in between, and lacks
    it, does not pass for the newest.
    """
    freed = Max("events__pk", filter=Q(events__verb=Event.Verb.FREED))
    rows = (
        Publication.objects.live()
        .annotate(freed=freed)
        .order_by("release_id", "pk")
        .values_list("release_id", "pk", "freed", "build__attestation__provenance_id", "build__attestation__bill_id")
    )
    live = {release: [row[1:] for row in group] for release, group in groupby(rows, itemgetter(0))}
    known = Release.objects.filter(slug__in=list(signed)) | Release.objects.filter(pk__in=list(live))
    found = known.select_related("component").order_by("slug")
    return [(release, live.get(release.pk, [])) for release in found]


def _targets(release: Release) -> Iterable[Target]:
    live = Publication.objects.live().filter(release=release).only(*NEEDED)
    built = live.exclude(build=None).prefetch_related("build__artifacts__blob")
    uploaded = live.filter(build=None).prefetch_related("revision__artifacts__blob")
    for publication in chain(*(rows.select_related(*JOINED) for rows in (built, uploaded))):
        about = _about(publication)
        for path, artifact in targets_of(publication).items():
            yield Target(path, artifact.sha256, artifact.size, about)


JOINED = ("release__component", "revision__contribution", "build__attestation")
NEEDED = (
    *("published_at", "release__slug", "release__component__slug", "revision__number"),
    *("revision__contribution__kind", "build__attestation__state"),
    *("build__attestation__provenance", "build__attestation__bill"),
)


def _about(publication: Publication) -> dict[str, Any]:
    build, contribution = publication.build, publication.revision.contribution
    return {
        "contribution": contribution.pk,
        "revision": publication.revision.number,
        "publication": publication.pk,
        "build": publication.build_id,
        "kind": contribution.kind,
        "uploaded": build is None,
        "published": publication.published_at.isoformat(timespec="seconds"),
        "page": f"{settings.SITE_URL}{publication.get_absolute_url()}",
        "provenance": _sworn(build, "build-provenance", build.provenance_sha256 if build else None),
        "bill": _sworn(build, "build-bill", build.bill_sha256 if build else None),
    }


def _sworn(build: Build | None, route: str, sha256: str | None) -> dict[str, str] | None:
    """Where to read what the portal swears about a build, once it has sworn, and which bytes that are."""
    if build is None or sha256 is None:
        return None
    return {"url": f"{settings.SITE_URL}{reverse(route, args=[build.pk])}", "sha256": sha256}
