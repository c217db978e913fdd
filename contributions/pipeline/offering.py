"""Trying a port before a person is asked: what other ports taught about the same conflicts is used again.

What comes out whole is offered, with where each resolution was learnt; somebody looks at it and proposes it, or not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from contributions.checkout import commits, receipt, remembering
from contributions.checkout.runner import GitFailed
from contributions.errors import Refusal, Trouble
from contributions.models import Blob, Fit, Offer, Release, Resolution, Revision
from contributions.models.work import QUEUED
from contributions.plaintext import clean

from .leasing import leased
from .places import mirror_with

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from contributions.models import Component

log = logging.getLogger(__name__)

MOST_LEARNT = 100  # conflicts of one port
MOST_AGAIN = 200  # offers that are tried again because a port taught something
MOST_PATHS = 20  # of a port, by which these are found
MOST_TEACHERS = 20  # ports that are learnt from in one go


def queue_offer(fit: Fit) -> Sequence[Offer]:
    """Try what conflicts, unless that was tried on this very commit of the release."""
    return queue_offers([fit])


def queue_offers(fits: Sequence[Fit]) -> list[Offer]:
    """The same for several, by as many statements for one as for many that are new."""
    current = [fit for fit in fits if fit.revision_id == fit.revision.contribution.current_id]
    wanted = {(fit.revision_id, fit.release_id): fit for fit in current if fit.state == Fit.State.CONFLICTS}
    known = _offers_for(wanted)
    fresh = {pair: fit for pair, fit in wanted.items() if pair not in known}
    Offer.objects.bulk_create(
        (
            Offer(revision=fit.revision, release=fit.release, release_commit=fit.release_commit)
            for fit in fresh.values()
        ),
        ignore_conflicts=True,
    )
    again = [
        _again(offer, wanted[pair].release_commit)
        for pair, offer in known.items()
        if offer.release_commit != wanted[pair].release_commit and offer.is_over
    ]
    return [*_offers_for(fresh).values(), *again]


def _offers_for(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Offer]:
    """Those that there are, by revision and release."""
    revisions, releases = ({pair[place] for pair in pairs} for place in (0, 1))
    found = Offer.objects.filter(revision__in=revisions, release__in=releases)
    return {pair: offer for offer in found if (pair := (offer.revision_id, offer.release_id)) in pairs}


def _again(offer: Offer, release_commit: str) -> Offer:
    offer.move(
        QUEUED, release_commit=release_commit, attempts=0, rung_at=None, mbox=None, used=[], left=[], sentence=""
    )
    return offer


def offer(pk: int) -> None:
    """Try it, if it waits for that."""
    row: Offer | None = Offer.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _record(row, *_tried(row))
        except Refusal as refusal:
            row.finish(Offer.State.LEFT, sentence=refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)


def _tried(row: Offer) -> tuple[remembering.Try, bytes, dict[str, Resolution]]:
    revision = row.revision
    memory = Memory(revision)
    repository = mirror_with(revision)
    tried = remembering.carry(repository, revision.base_commit, revision.tip_commit, row.release_commit, memory.recall)
    if not tried.tip:
        return tried, b"", memory.recalled
    receipt.check_change(repository, row.release_commit, tried.tip)
    return tried, commits.mbox(repository, row.release_commit, tried.tip), memory.recalled


class Memory:
    """What ports taught, for one revision; `recalled` has what was asked for and found, by its key."""

    def __init__(self, revision: Revision) -> None:
        self._revision = revision
        self.recalled: dict[str, Resolution] = {}
        learn_what_is_new(revision.contribution.component)

    def recall(self, keys: Sequence[str]) -> Mapping[str, tuple[bytes, bytes]]:
        """Before and after, as `checkout.remembering` asks for them."""
        found = remembered(self._revision, keys)
        self.recalled.update(found)
        return {key: (each.before.read(), each.after.read()) for key, each in found.items()}


def remembered(revision: Revision, keys: Sequence[str]) -> dict[str, Resolution]:
    """The newest resolution of each conflict that a port taught which everybody may see, by its key."""
    rows = Resolution.objects.trusted().filter(component=revision.contribution.component_id, key__in=keys)
    named = rows.select_related("before", "after", "port__contribution", "port__release")
    newest = named.order_by("key", "-pk").distinct("key")
    return {each.key: each for each in newest.defer("port__files", "port__commits", "port__fingerprints")}


def _record(row: Offer, tried: remembering.Try, mbox: bytes, recalled: Mapping[str, Resolution]) -> None:
    used = [{"path": path, **origin(recalled[key].port)} for path, key in tried.used]
    with transaction.atomic():
        if not mbox:
            row.finish(Offer.State.LEFT, used=used, left=list(tried.left), mbox=None)
            return
        row.finish(Offer.State.WHOLE, used=used, left=[], mbox=Blob.objects.keep_bytes(mbox))


def origin(port: Revision) -> dict[str, object]:
    """Where it was learnt, by numbers and in words."""
    release = port.release.name if port.release else ""
    return {
        "contribution": port.contribution_id,
        "revision": port.number,
        "release": release,
        "told": f"port {port.label} of #{port.contribution_id} to {release}",
    }


def queue_offers_after(port: Revision) -> Sequence[Offer]:
    """Try again what was left to people in files that the port settles, the newest first."""
    paths = [file["path"] for file in port.files][:MOST_PATHS]
    alike = Q(pk__in=[])
    for path in paths:
        alike |= Q(left__contains=[path])
    rows = Offer.objects.filter(alike, state=Offer.State.LEFT, release__state=Release.State.SUPPORTED)
    same = rows.filter(revision__contribution__component=port.contribution.component_id)
    current = same.filter(revision=F("revision__contribution__current")).select_related("release")
    return [_again(row, row.release.commit) for row in current.order_by("-pk")[:MOST_AGAIN]]


def learn_what_is_new(component: Component) -> None:
    """Of ports that taught nothing yet: by whoever needs it first."""
    ports = Revision.objects.ports().filter(state=Revision.State.RECEIVED, taught_at=None)
    mine = ports.filter(contribution__component=component).select_related("contribution__component", "bundle", "ports")
    for port in mine.order_by("pk")[:MOST_TEACHERS]:
        _learn(port)


def _learn(port: Revision) -> None:
    memories = _memories_of(port)
    with transaction.atomic():
        rows = [
            Resolution(
                component=port.contribution.component,
                key=memory.key,
                path=clean(memory.path),
                before=Blob.objects.keep_bytes(memory.before),
                after=Blob.objects.keep_bytes(memory.after),
                port=port,
            )
            for memory in memories
        ]
        Resolution.objects.bulk_create(rows, ignore_conflicts=True)
        Revision.objects.filter(pk=port.pk).update(taught_at=Now())


def _memories_of(port: Revision) -> Sequence[remembering.Memory]:
    """What the port teaches; that git cannot say is no reason to ask it again and again."""
    original = Revision.objects.select_related("contribution__component", "bundle").get(pk=port.ports_id)
    mirror_with(original)
    repository = mirror_with(port)
    ends = (original.base_commit, original.tip_commit, port.base_commit, port.tip_commit)
    try:
        return remembering.learn(repository, *ends)[:MOST_LEARNT]
    except GitFailed as failure:
        log.warning("Nothing is learnt from %s: %s", port, failure)
        return []
