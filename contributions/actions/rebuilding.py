"""Asking for a build again: for a new verdict, or to see whether the same bytes come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, NotAllowed
from contributions.models import Build, Event, Fit
from contributions.pipeline.building import queue_build
from contributions.pipeline.repeating import queue_repetition
from contributions.tasks import ring

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Person, Release, Revision

MOST_REPETITIONS = 5  # of one build; each takes a builder's time


def build_again(*, person: Person, revision: Revision, release: Release) -> Build:
    """Queue one more build of a revision that fits a release; its author, maintainers and staff may."""
    contribution = revision.contribution
    component = contribution.component
    refuse_in_quarantine(person, contribution)
    if not (contribution.is_by(person) or person.is_staff or component.is_maintained_by(person)):
        raise NotAllowed("Only its author, a maintainer or staff can ask for another build.")
    pace(person, Event.Verb.REBUILT)
    with transaction.atomic():
        fit = Fit.objects.select_for_update(of=("self",)).filter(revision=revision, release=release).first()
        if fit is None or not fit.is_buildable:
            raise Clash(f"{revision.label} does not apply to {release.name}, so there is nothing to build.")
        if (
            Build.objects.originals()
            .filter(revision=revision, release=release, state__in=["queued", "running"])
            .exists()
        ):
            raise Clash("A build of it is queued or running already.")
        build = queue_build(fit)
        if build is None:
            raise Clash(f"{component.name} has no recipe yet, so nothing can be built.")
        Event.objects.write(
            Event.Verb.REBUILT,
            actor=person,
            contribution=contribution,
            revision=revision,
            release=release,
            build=build,
        )
        ring(build)
    return build


def repeat_build(*, person: Person, build: Build) -> Build:
    """Queue a second run of a passed build elsewhere, to compare; everybody who is signed in may doubt."""
    if not person.is_authenticated:
        raise NotAllowed("Sign in to have a build repeated.")
    if build.revision is None or not build.may_be_repeated:
        raise Clash("Only a passed build of a revision can be repeated.")
    contribution = build.revision.contribution
    refuse_in_quarantine(person, contribution)
    if build.repetitions.count() >= MOST_REPETITIONS:
        raise Clash(f"It was repeated {MOST_REPETITIONS} times, which is enough to tell.")
    pace(person, Event.Verb.REPRODUCED)
    with transaction.atomic():
        repetition = queue_repetition(build)
        if repetition is None:
            raise Clash("It is being repeated already.")
        about = {"contribution": contribution, "revision": build.revision, "release": build.release}
        Event.objects.write(Event.Verb.REPRODUCED, actor=person, **about, build=repetition, text="asked for")
        ring(repetition)
    return repetition
