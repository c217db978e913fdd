"""Asking for a build again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, NotAllowed
from contributions.models import Build, Fit
from contributions.pipeline.building import queue_build
from contributions.tasks import ring

from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Person, Release, Revision


def build_again(*, person: Person, revision: Revision, release: Release) -> Build:
    """Queue one more build of a revision that fits a release; its author, maintainers and staff may."""
    contribution = revision.contribution
    component = contribution.component
    refuse_in_quarantine(person, contribution)
    if not (contribution.is_by(person) or person.is_staff or component.is_maintained_by(person)):
        raise NotAllowed("Only its author, a maintainer or staff can ask for another build.")
    with transaction.atomic():
        fit = Fit.objects.select_for_update(of=("self",)).filter(revision=revision, release=release).first()
        if fit is None or not fit.is_buildable:
            raise Clash(f"{revision.label} does not apply to {release.name}, so there is nothing to build.")
        if Build.objects.filter(revision=revision, release=release, state__in=["queued", "running"]).exists():
            raise Clash("A build of it is queued or running already.")
        build = queue_build(fit)
        if build is None:
            raise Clash(f"{component.name} has no recipe yet, so nothing can be built.")
        ring(build)
    return build
