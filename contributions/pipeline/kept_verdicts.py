"""Verdicts that a new release did not change: each is a line of the history, as one that was judged is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.models import Contribution, Event, Revision, Telling
from contributions.models.contribution import visible_to_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Fit, Release


def write_down(release: Release, fits: Sequence[Fit]) -> None:
    """A line for each, by two INSERTs for all of them, in the transaction that keeps them; twice is once.

    It is no turn, so nobody is told but those who follow a search that asks for what changes.
    """
    revisions = [fit.revision_id for fit in fits]
    about = {"verb": Event.Verb.FITTED, "release": release}
    known = set(Event.objects.filter(revision__in=revisions, **about).values_list("revision_id", flat=True))
    of = dict(Revision.objects.filter(pk__in=revisions).values_list("pk", "contribution_id"))
    lines = [
        Event(**about, component_id=release.component_id, revision_id=pk, contribution_id=of[pk], text=fit.state)
        for pk, fit in zip(revisions, fits, strict=True)
        if pk not in known
    ]
    made = Event.objects.bulk_create(lines)
    public = set(Contribution.objects.filter(visible_to_all(), pk__in=of.values()).values_list("pk", flat=True))
    Telling.objects.bulk_create(
        Telling(event=line, is_for_searches=True) for line in made if line.contribution_id in public
    )
