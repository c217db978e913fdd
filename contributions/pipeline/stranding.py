"""When a verdict is news: a release that is new, or a branch that moved, took a patch in or left it behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contributions.models import Contribution, Event, Fit, Release

from .queueing import STILL_JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contributions.models import Revision

FITTED = frozenset({Fit.State.APPLIES, Fit.State.MERGES})
LEFT_BEHIND = frozenset({Fit.State.CONFLICTS, Fit.State.NO_BASE})
TURNS = (Event.Verb.TAKEN, Event.Verb.STRANDED)
FOUND_LATE = timedelta(days=90)  # a tag that much older than the newest one known is no new release


def tell_of_turn(fit: Fit) -> Event | None:
    """Write the line that people are told of, in the transaction that records the verdict; mostly there is none.

    One that only came back is none, nor is one that was told of this contribution and release before.
    """
    event = Turns([fit]).of(fit)
    if event is not None:
        Event.objects.write_all([event])
    return event


class Turns:
    """What is news of some verdicts, told from what is asked once for all of them."""

    def __init__(self, fits: Iterable[Fit]) -> None:
        turned = [fit for fit in fits if _may_be_news(fit)]
        releases = {fit.release_id: fit.release for fit in turned}
        self._late = {pk for pk, release in releases.items() if _was_found_late(release)}
        self._earlier = {
            pk: Fit.objects.verdicts_before(release, [fit.revision_id for fit in turned if fit.release_id == pk])
            for pk, release in releases.items()
            if release.kind != Release.Kind.BRANCH
        }
        contributions = {fit.revision.contribution_id for fit in turned}
        told = Event.objects.filter(verb__in=TURNS, contribution__in=contributions, release__in=releases).order_by()
        self._told = set(told.values_list("verb", "contribution", "release"))

    def of(self, fit: Fit) -> Event | None:
        """The line, not written yet; the second time there is none."""
        verb = self._turn(fit)
        if verb is None or not _is_of_interest(fit.revision, fit.release):
            return None
        line = (str(verb), fit.revision.contribution_id, fit.release_id)
        if line in self._told:
            return None
        self._told.add(line)
        about: dict[str, Any] = {"contribution": fit.revision.contribution, "release": fit.release}
        return Event(verb=verb, revision=fit.revision, **about)

    def _turn(self, fit: Fit) -> str | None:
        if not _may_be_news(fit) or fit.release_id in self._late:
            return None
        if fit.state == Fit.State.UPSTREAM:
            return Event.Verb.TAKEN if Fit.State.UPSTREAM not in {fit.before, self._on_earlier(fit)} else None
        return Event.Verb.STRANDED if fit.before in FITTED else None

    def _on_earlier(self, fit: Fit) -> str:
        """The verdict on the nearest earlier release, unless it is a branch, of which `before` tells more."""
        earlier = self._earlier.get(fit.release_id)
        return fit.before if earlier is None else earlier.get(fit.revision_id, "")


def _may_be_news(fit: Fit) -> bool:
    """Whether the release, or the commit that it pins, came later than the revision."""
    release, received = fit.release, fit.revision.finished_at
    if fit.state not in {Fit.State.UPSTREAM, *LEFT_BEHIND} or not fit.before or received is None:
        return False
    return release.kind == Release.Kind.BRANCH or release.created_at >= received


def _was_found_late(release: Release) -> bool:
    """Whether it is an old tag that was found late, which is not new."""
    if release.kind == Release.Kind.BRANCH or not release.released_at:
        return False
    known = Release.objects.filter(component=release.component_id, kind=Release.Kind.TAG).exclude(pk=release.pk)
    return known.filter(released_at__gt=release.released_at + FOUND_LATE).exists()


def _is_of_interest(revision: Revision, release: Release) -> bool:
    contribution = revision.contribution
    if contribution.current_id != revision.pk or contribution.state not in STILL_JUDGED or not contribution.is_public:
        return False
    return release.is_supported and contribution.upstream_status != Contribution.UpstreamStatus.APPLIED
