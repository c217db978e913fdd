"""Field reports: what an organisation saw when it ran a contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, FieldReport, Standing
from contributions.plaintext import clean

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .words import prose

if TYPE_CHECKING:
    from datetime import date

    from contributions.models import Organisation, Person, Release

ENVIRONMENT_LENGTH = 300


def report(
    *,
    author: Person,
    contribution: Contribution,
    release: Release,
    outcome: str,
    stage: str,
    environment: str = "",
    since: date | None = None,
    text: str = "",
) -> FieldReport:
    """Say how it went for one's organisation; a later report on the same release replaces the earlier one."""
    organisation = author.organisation if author.is_authenticated else None
    if organisation is None:
        raise NotAllowed("A field report speaks for an organisation: join one first.")
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_reported_on_by(author):
        raise NotAllowed("A withdrawn contribution takes no reports.")
    _refuse_nonsense(contribution, release, outcome, stage, since)
    if contribution.current is None:
        raise Invalid("It is still being received; report once there is a revision to run.")
    pace(author, Event.Verb.REPORTED)
    environment = " ".join(clean(environment).split())[:ENVIRONMENT_LENGTH]
    text = prose(text, most=settings.MAX_TEXT_BYTES, what="The report", field="text")
    html = rendered(text)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        _refuse_second_voice(author, contribution, release, organisation)
        made, _ = FieldReport.objects.update_or_create(
            contribution=contribution,
            release=release,
            organisation=organisation,
            defaults={
                "revision": contribution.current,
                "author": author,
                "outcome": outcome,
                "stage": stage,
                "environment": environment,
                "since": since,
                "text": text,
                "html": html,
                "reported_at": timezone.now(),
            },
        )
        Event.objects.write(
            Event.Verb.REPORTED, actor=author, contribution=contribution, release=release, text=f"{outcome} in {stage}"
        )
        Standing.objects.recompute(contribution)
    return made


def _refuse_second_voice(
    author: Person, contribution: Contribution, release: Release, organisation: Organisation
) -> None:
    """Whoever goes from one organisation to the next takes no further voice along."""
    given = FieldReport.objects.filter(contribution=contribution, release=release, author=author)
    elsewhere = given.exclude(organisation=organisation).select_related("organisation").first()
    if elsewhere is not None:
        raise Clash(
            f"You spoke for {elsewhere.organisation} on {release.name} already, and a person is one voice. "
            f"Let somebody else speak for {organisation}."
        )


def _refuse_nonsense(
    contribution: Contribution, release: Release, outcome: str, stage: str, since: date | None
) -> None:
    if release.component_id != contribution.component_id:
        raise Invalid(f"{release.name} is not a release of {contribution.component.name}.", field="release")
    if outcome not in FieldReport.Outcome.values:
        raise Invalid("The outcome is one of " + ", ".join(FieldReport.Outcome.values) + ".", field="outcome")
    if stage not in FieldReport.Stage.values:
        raise Invalid("The stage is one of " + ", ".join(FieldReport.Stage.values) + ".", field="stage")
    if since is not None and since > timezone.localdate():
        raise Invalid("“Since” lies in the future.", field="since")
