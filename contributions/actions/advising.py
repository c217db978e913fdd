"""Security advisories: which revisions are affected, which ones mend it, and who must hear of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Invalid, NotAllowed
from contributions.models import Advisory, Contribution, Event, Publication
from contributions.pipeline.notifying import announce, recall
from contributions.plaintext import clean
from contributions.tasks import ring_for_news

from .pacing import pace
from .rendering import rendered
from .withdrawing import take_out
from .words import one_line, prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Component, Person, Revision

TITLE_LENGTH, ALIAS_LENGTH, MOST_REVISIONS = 200, 60, 200
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)+")


def advise(
    *,
    person: Person,
    component: Component,
    title: str,
    description: str,
    severity: str,
    affected: Sequence[Revision],
    fixed: Sequence[Revision] = (),
    alias: str = "",
    withdraw: bool = False,
) -> Advisory:
    """Publish an advisory; with `withdraw` what is published of the affected revisions is taken out of the feed."""
    if not component.may_be_advised_on_by(person):
        raise NotAllowed("Only a maintainer of the component or staff can publish an advisory.")
    pace(person, Event.Verb.ADVISED)
    words = _words(title, description, severity, alias)
    _refuse_mismatch(component, affected, fixed)
    with transaction.atomic():
        _lock(affected)
        advisory = Advisory.objects.create(component=component, author=person, **words)
        advisory.affected.set(affected)
        advisory.fixed.set(fixed)
        _tell(Event.Verb.ADVISED, advisory, person, advisory.title)
        if withdraw:
            reason = f"{advisory.identifier}: {advisory.title}"
            for publication in Publication.objects.live().filter(revision__in=affected).order_by("pk"):
                take_out(publication, person, reason)
        ring_for_news()
    return advisory


def withdraw_advisory(*, person: Person, advisory: Advisory, reason: str) -> Advisory:
    """Say that it was wrong; the page stays with the reason. What was withdrawn with it is not given back."""
    if not advisory.may_be_withdrawn_by(person):
        raise NotAllowed("Only a maintainer of the component or staff can withdraw an advisory, and only once.")
    pace(person, Event.Verb.UNADVISED)
    reason = prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=True)
    with transaction.atomic():
        advisory.move(Advisory.State.WITHDRAWN, withdrawn_at=Now(), reason=reason)
        _tell(Event.Verb.UNADVISED, advisory, person, reason)
        ring_for_news()
    return advisory


def _words(title: str, description: str, severity: str, alias: str) -> dict[str, str]:
    title = one_line(title, most=TITLE_LENGTH, what="The title", field="title")
    description = prose(
        description, most=settings.MAX_TEXT_BYTES, what="The description", field="description", needed=True
    )
    if severity not in Advisory.Severity.values:
        raise Invalid("The severity is one of " + ", ".join(Advisory.Severity.values) + ".", field="severity")
    alias = clean(alias).strip()
    if alias and (len(alias) > ALIAS_LENGTH or not ALIAS.fullmatch(alias)):
        raise Invalid("Its name elsewhere looks like CVE-2026-12345 or GHSA-xxxx-xxxx-xxxx.", field="alias")
    return {
        "title": title,
        "description": description,
        "html": rendered(description),
        "severity": severity,
        "alias": alias,
    }


def _refuse_mismatch(component: Component, affected: Sequence[Revision], fixed: Sequence[Revision]) -> None:
    if not affected:
        raise Invalid("Name the revisions that are affected.", field="affected")
    if len(affected) + len(fixed) > MOST_REVISIONS:
        raise Invalid(f"An advisory names {MOST_REVISIONS} revisions at most.", field="affected")
    for field, revisions in (("affected", affected), ("fixed", fixed)):
        if any(revision.contribution.component_id != component.pk for revision in revisions):
            raise Invalid(f"All of them must be revisions for {component.name}.", field=field)
    both = {revision.pk for revision in affected} & {revision.pk for revision in fixed}
    if both:
        raise Invalid("A revision cannot be affected and mended at once.", field="fixed")


def _lock(revisions: Sequence[Revision]) -> None:
    """All contributions, always in the same order: two who advise at once wait one for the other, not in a circle."""
    keys = {revision.contribution_id for revision in revisions}
    list(Contribution.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk").values_list("pk"))


def _tell(verb: Event.Verb, advisory: Advisory, person: Person, text: str) -> None:
    event = Event.objects.write(verb, actor=person, component=advisory.component, advisory=advisory, text=text)
    announce(event)
    recall(event)
