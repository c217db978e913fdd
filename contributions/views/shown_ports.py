"""Ports as pages show them: where each stands, what became of it there, and who may do what with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from contributions.models import Fit, Offer, Revision
from contributions.models.porting import is_outdated, ports_by_release
from contributions.models.stranded import MENDABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from contributions.models import Contribution, Release

MOST = 50  # ports that one page shows, the newest
LARGE = ("files", "commits", "fingerprints", "text", "html", "ports__files", "ports__commits", "ports__fingerprints")


@dataclass(frozen=True)
class ShownPort:
    port: Revision
    fit: Fit | None
    is_outdated: bool
    stands: bool
    may_withdraw: bool
    may_review: bool

    @property
    def comparison(self) -> str:
        """The address of what had to be changed."""
        older = self.port.ports.number if self.port.ports else 0
        return reverse("contribution-comparison", args=[self.port.contribution_id, older, self.port.number])


def ports_shown(request: HttpRequest, contribution: Contribution, release: Release | None = None) -> list[ShownPort]:
    """The newest first, to one release or to all of them: refused and withdrawn ones too."""
    if not contribution.has_patch:
        return []
    rows: Any = contribution.revisions.filter(ports__isnull=False, **({"release": release} if release else {}))
    ports = list(rows.select_related("release", "ports", "submitted_by").defer(*LARGE).order_by("-number")[:MOST])
    if not ports:
        return []
    standing = {port.pk for port in ports_by_release(contribution).values()}
    fits = {fit.revision_id: fit for fit in Fit.objects.filter(revision__in=ports).select_related("release")}
    return [_shown(request, contribution, port, fits.get(port.pk), standing) for port in ports]


def _shown(
    request: HttpRequest, contribution: Contribution, port: Revision, fit: Fit | None, standing: set[int]
) -> ShownPort:
    port.contribution = contribution  # known already, with its component
    outdated = is_outdated(port, contribution.current)
    judges = contribution.may_be_reviewed_by(request.user) and port.submitted_by_id != request.user.pk
    return ShownPort(
        port=port,
        fit=fit,
        is_outdated=outdated,
        stands=port.pk in standing,
        may_withdraw=port.state != Revision.State.REFUSED and port.may_be_withdrawn_by(request.user),
        may_review=judges and port.is_received and port.withdrawn_at is None and not outdated,
    )


def port_context(request: HttpRequest, contribution: Contribution, release: Release, fit: Fit | None) -> dict[str, Any]:
    """What the page of a fit says of ports: those that there are, what the portal tried, whether one is needed."""
    is_current = fit is not None and fit.revision_id == contribution.current_id
    needs = is_current and fit is not None and fit.state in MENDABLE and release.is_supported
    return {
        "ports": ports_shown(request, contribution, release) if is_current else [],
        "needs_port": needs and not contribution.is_withdrawn,
        "had_by": Fit.objects.upstream_before(release, [fit.revision_id]).get(fit.revision_id) if needs and fit else "",
        "offer": _offer(contribution, release) if needs else None,
        "may_port": contribution.may_be_ported_by(request.user),
        "may_settle": needs and fit is not None and fit.state == Fit.State.CONFLICTS,
    }


def _offer(contribution: Contribution, release: Release) -> Offer | None:
    """What was tried on the release as it is; what came out whole is no more told of when it may not be taken."""
    rows = Offer.objects.filter(revision=contribution.current_id, release=release, release_commit=release.commit)
    found: Offer | None = rows.select_related("release").first()
    return None if found is None or (found.is_whole and not found.is_standing) else found


def standing_fits(ports: Sequence[ShownPort]) -> dict[int, ShownPort]:
    """Those that stand, by their releases."""
    return {shown.port.release_id: shown for shown in ports if shown.stands and shown.port.release_id is not None}
