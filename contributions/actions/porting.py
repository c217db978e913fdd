"""Porting: bringing a contribution to a release that it does not fit, by whoever can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Build, Contribution, Event, Fit, Offer, Publication, Revision, Standing
from contributions.pipeline.notifying import recall
from contributions.pipeline.settling import settle
from contributions.tasks import ring, ring_for_news

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .sources import PatchFile
from .submitting import as_sent_before, made_once, next_revision, sent_once
from .withdrawing import take_out
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Person, Release

    from .sources import Source

MOST_PORTS = 20  # that stand of one contribution by one person
FAILED = (Build.State.FAILED, Build.State.TIMED_OUT)
FITS = (Fit.State.APPLIES, Fit.State.MERGES)


def propose_port(
    *, person: Person, contribution: Contribution, release: Release, source: Source, note: str = "", once: str = ""
) -> Revision:
    """Send what the current revision is on `release`: a revision that stands there alone and never is the current one.

    It must apply to the release exactly, which the worker sees to. `once` as in `submit`.
    """
    if earlier := sent_once(person, once):
        return as_sent_before(earlier, earlier, source, contribution=contribution, release=release)
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_ported_by(person):
        raise NotAllowed("Sign in to propose a port; only of a patch, and not of what is withdrawn.")
    pace(person, Event.Verb.REVISED)
    note = prose(note, most=settings.MAX_TEXT_BYTES, what="The note", field="note")
    if contribution.kind not in source.kinds:
        raise Invalid("A port needs a patch file, or a git URL and a ref.", field="patch")
    refuse_release(contribution, release)
    _refuse_many(person, contribution)
    stored = source.stored()
    with made_once(), transaction.atomic():
        given = {"submitted_by": person, "note": note, "once": once, **stored}
        port = next_revision(contribution, ports=current_of(contribution), release=release, **given)
        words = f"a port of {port.ports.label} to {release.name}" if port.ports else ""
        things = {"contribution": contribution, "revision": port, "release": release}
        Event.objects.write(Event.Verb.REVISED, actor=person, text=words, **things)
        ring(port)
    return port


def take_offer(*, person: Person, contribution: Contribution, release: Release, note: str = "") -> Revision:
    """Propose the port that the portal made of remembered resolutions; two presses make one."""
    rows = Offer.objects.filter(revision=contribution.current_id, release=release)
    offer = rows.select_related("mbox", "release").first()
    if offer is None or offer.mbox is None or not offer.is_standing:
        raise Clash(f"There is nothing to offer for {release.name} any more.")
    learnt = ", ".join(dict.fromkeys(used["told"] for used in offer.used))
    source = PatchFile(ContentFile(offer.mbox.read(), name="remembered.patch"))
    return propose_port(
        person=person,
        contribution=contribution,
        release=release,
        source=source,
        note=note or f"Made by remembered resolutions from {learnt}.",
        once=f"offer:{offer.pk}:{offer.mbox.sha256[:16]}",
    )


def withdraw_port(*, person: Person, port: Revision, reason: str) -> Revision:
    """Take a port back, with what is published of it; the release is as if it had never been sent."""
    refuse_in_quarantine(person, port.contribution)
    if not port.may_be_withdrawn_by(person):
        raise NotAllowed("Whoever sent a port, the author, maintainers and staff can take it back, and only once.")
    pace(person, Event.Verb.UNPORTED)
    reason = prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=True)
    with transaction.atomic():
        contribution = Contribution.objects.select_for_update(of=("self",)).get(pk=port.contribution_id)
        if not Revision.objects.ports().filter(pk=port.pk).update(withdrawn_at=Now()):
            raise Clash("It is taken back already.")
        things = {"contribution": contribution, "revision": port, "release": port.release}
        Event.objects.write(Event.Verb.UNPORTED, actor=person, text=reason, **things)
        for publication in Publication.objects.live().filter(revision=port).order_by("pk"):
            recall(take_out(publication, person, reason))
            ring_for_news()
        Standing.objects.recompute(contribution)
        settle(contribution)
    port.refresh_from_db()
    return port


def current_of(contribution: Contribution) -> Revision:
    """As the row says now, which may be newer than what the page knew that was pressed on."""
    current: Revision | None = Contribution.objects.get(pk=contribution.pk).current
    if current is None or not current.is_received:
        raise Clash("There is no received revision yet that could be ported.")
    return current


def refuse_release(contribution: Contribution, release: Release) -> None:
    if release.component_id != contribution.component_id:
        raise Invalid(f"{release.name} is not a release of {contribution.component.name}.", field="release")
    if not release.is_supported:
        raise Invalid(f"{release.name} is retired: nothing is tried on it any more.", field="release")
    fit = Fit.objects.filter(revision=contribution.current_id, release=release).first()
    if fit is not None and fit.state == Fit.State.UPSTREAM:
        raise Invalid(f"{release.name} has it already.", field="release")
    built = Build.objects.originals().filter(revision=contribution.current_id, release=release).order_by("-serial")
    last = built.values_list("state", flat=True).first()
    if fit is not None and fit.state in FITS and last not in FAILED:
        raise Invalid(f"It applies to {release.name} as it is, so no port is needed.", field="release")


def _refuse_many(person: Person, contribution: Contribution) -> None:
    sent = Revision.objects.ports().filter(contribution=contribution, submitted_by=person)
    if sent.exclude(state=Revision.State.REFUSED)[:MOST_PORTS].count() >= MOST_PORTS:
        raise Clash(f"You have {MOST_PORTS} ports of it here; take back what nobody needs.")
