"""When a verdict is news: a release that is new, or a branch that moved, took a patch in or left it behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contributions.models import Contribution, Event, Fit, Release

from .queueing import STILL_JUDGED

if TYPE_CHECKING:
    from contributions.models import Revision

FITTED = frozenset({Fit.State.APPLIES, Fit.State.MERGES})
LEFT_BEHIND = frozenset({Fit.State.CONFLICTS, Fit.State.NO_BASE})
FOUND_LATE = timedelta(days=90)  # a tag that much older than the newest one known is no new release


def tell_of_turn(fit: Fit) -> Event | None:
    """Write the line that people are told of, in the transaction that records the verdict; mostly there is none.

    One that only came back is none, nor is one that was told of this contribution and release before.
    """
    verb = _turn(fit)
    if verb is None or not _is_of_interest(fit.revision, fit.release):
        return None
    about: dict[str, Any] = {"contribution": fit.revision.contribution, "release": fit.release}
    if Event.objects.filter(verb=verb, **about).exists():
        return None
    return Event.objects.write(verb, revision=fit.revision, **about)


def _turn(fit: Fit) -> str | None:
    if not _is_new(fit):
        return None
    before = {fit.before, _verdict_on_earlier(fit)}
    if fit.state == Fit.State.UPSTREAM and Fit.State.UPSTREAM not in before:
        return Event.Verb.TAKEN
    if fit.state in LEFT_BEHIND and fit.before in FITTED:
        return Event.Verb.STRANDED
    return None


def _verdict_on_earlier(fit: Fit) -> str:
    """On the nearest earlier release, unless it is a branch, of which `before` tells more."""
    if fit.release.kind == Release.Kind.BRANCH:
        return fit.before
    return Fit.objects.verdicts_before(fit.release, [fit.revision_id]).get(fit.revision_id, "")


def _is_new(fit: Fit) -> bool:
    """Whether the release, or the commit that it pins, came later than the revision; an old tag found late is not."""
    release, received = fit.release, fit.revision.finished_at
    if not fit.before or received is None:
        return False
    if release.kind == Release.Kind.BRANCH:
        return True
    known = Release.objects.filter(component=release.component_id, kind=Release.Kind.TAG).exclude(pk=release.pk)
    late = release.released_at and known.filter(released_at__gt=release.released_at + FOUND_LATE).exists()
    return release.created_at >= received and not late


def _is_of_interest(revision: Revision, release: Release) -> bool:
    contribution = revision.contribution
    if contribution.current_id != revision.pk or contribution.state not in STILL_JUDGED or not contribution.is_public:
        return False
    return release.is_supported and contribution.upstream_status != Contribution.UpstreamStatus.APPLIED
