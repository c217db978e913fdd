"""Field reports: what an organisation saw when it ran a contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, FieldReport, Membership, Organisation, Standing
from contributions.models.porting import port_for
from contributions.models.voices import FIRST_ASK, MOST_ASKS, NEXT_ASK
from contributions.plaintext import clean

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .vocabulary import chosen
from .words import prose

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from contributions.models import Person, Release

ENVIRONMENT_LENGTH = 300
ALIKE = 3  # organisations of a sector, for its name to hide each of them


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
    traits: Mapping[str, str] | None = None,
    is_named: bool = True,
) -> FieldReport:
    """Say how it went for one's organisation; a later report on the same release replaces the earlier one.

    `traits` are choices of the component's, by their slugs. Unless `is_named`, nobody but the organisation and staff
    learns whose voice it is.
    """
    organisation = author.organisation if author.is_authenticated else None
    if organisation is None:
        raise NotAllowed("A field report speaks for an organisation: join one first.")
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_reported_on_by(author):
        raise NotAllowed("A withdrawn contribution takes no reports.")
    _refuse_nonsense(contribution, release, outcome, stage, since)
    if contribution.current is None:
        raise Invalid("It is still being received; report once there is a revision to run.")
    _pace(author)
    if not is_named:
        _refuse_hiding(author, contribution, organisation)
    environment = " ".join(clean(environment).split())[:ENVIRONMENT_LENGTH]
    text = prose(text, most=settings.MAX_TEXT_BYTES, what="The report", field="text")
    said = {
        "revision": port_for(contribution, release) or contribution.current,
        "author": author,
        "outcome": outcome,
        "stage": stage,
        "environment": environment,
        "traits": chosen(contribution.component, traits or {}),
        "is_named": is_named,
        "sector": "" if is_named else _hiding_sector(organisation),
        "since": since,
        "text": text,
        "html": rendered(text),
    }
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        _refuse_second_voice(author, contribution, release, organisation)
        made = _said(contribution, release, organisation, said | _asked_from(timezone.now()))
        _note(made, f"{outcome} in {stage}")
        Standing.objects.recompute(contribution)
    return made


def _said(
    contribution: Contribution, release: Release, organisation: Organisation, said: Mapping[str, Any]
) -> FieldReport:
    """The organisation's report, in place of what it said before; hiding its name takes a number that nobody knows."""
    place: dict[str, Any] = {"contribution": contribution, "release": release, "organisation": organisation}
    if not said["is_named"]:
        FieldReport.objects.filter(**place, is_named=True).delete()
    made, _ = FieldReport.objects.update_or_create(**place, defaults=said)
    return made


def take_back(*, author: Person, report: FieldReport) -> None:
    """The organisation runs it no longer, so that it speaks neither for nor against any more."""
    if not author.memberships.filter(organisation=report.organisation_id).exists():
        raise NotAllowed("Only members of the organisation that reported take its report back.")
    refuse_in_quarantine(author, report.contribution)
    _pace(author)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=report.contribution_id)
        if not FieldReport.objects.filter(pk=report.pk).delete()[0]:
            raise Clash("It was taken back already.")
        report.author = author
        _note(report, "runs it no longer")
        Standing.objects.recompute(report.contribution)


def say_again(*, author: Person, report: FieldReport, outcome: str) -> FieldReport:
    """What was reported still holds, or went another way since; all else is as it was said."""
    if outcome not in FieldReport.Outcome.values:
        raise Invalid("The outcome is one of " + ", ".join(FieldReport.Outcome.values) + ".", field="outcome")
    if not author.memberships.filter(organisation=report.organisation_id).exists():
        raise NotAllowed("Only members of the organisation that reported say it again.")
    refuse_in_quarantine(author, report.contribution)
    if not report.contribution.may_be_reported_on_by(author):
        raise NotAllowed("A withdrawn contribution takes no reports.")
    _pace(author)
    now = timezone.now()
    again = {"outcome": outcome, "reported_at": now, "asks_at": now + NEXT_ASK, "asked": MOST_ASKS - 1}
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=report.contribution_id)
        if not FieldReport.objects.filter(pk=report.pk).update(**again):
            raise Clash("It was taken back meanwhile.")
        report.refresh_from_db()
        _note(report, f"still {outcome} in {report.stage}")
        Standing.objects.recompute(report.contribution)
    return report


def _asked_from(now: datetime) -> dict[str, Any]:
    return {"reported_at": now, "asks_at": now + FIRST_ASK, "asked": 0}


def _pace(author: Person) -> None:
    """Named or not, they are counted together with their like."""
    pace(author, Event.Verb.REPORTED)
    pace(author, Event.Verb.UNNAMED)


def _note(report: FieldReport, text: str) -> None:
    """A line of the history; of an unnamed report the public one has no actor, and the one that has is private."""
    about: dict[str, Any] = {"contribution": report.contribution, "release": report.release, "text": text}
    write = Event.objects.write
    write(Event.Verb.REPORTED, actor=report.author if report.is_named else None, **about)
    if not report.is_named:
        write(Event.Verb.UNNAMED, actor=report.author, organisation=report.organisation, **about)


def _hiding_sector(organisation: Organisation) -> str:
    """What it does, if that could be said of so many here that none of them is told by it."""
    sector = organisation.sector.strip()
    if not sector or Organisation.objects.filter(sector__iexact=sector).count() < ALIKE:
        return ""
    return sector


def _refuse_hiding(author: Person, contribution: Contribution, organisation: Organisation) -> None:
    """An unnamed report that does not count would tell by that whose it is."""
    own = Membership.objects.filter(person=contribution.author_id, organisation=organisation).exists()
    if own or contribution.is_or_was_by(author) or organisation == contribution.organisation:
        raise Invalid(
            "A report of its author's own organisation never counts, so it is always named.", field="is_named"
        )


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
