"""Ports: revisions that bring a contribution to one release that its current revision does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .carrying import Carry
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .contribution import Contribution
    from .release import Release

LARGE = ("files", "commits", "fingerprints", "text", "html", "ports__files", "ports__commits", "ports__fingerprints")


def ports_of(contribution: Contribution) -> Any:
    """All that were received and not taken back, outdated ones too, the newest first."""
    return _received([contribution.pk]).order_by("-number")


def _received(contributions: Iterable[int]) -> Any:
    rows = Revision.objects.ports().filter(contribution__in=contributions, state=Revision.State.RECEIVED)
    return rows.select_related("release", "ports", "submitted_by").defer(*LARGE)


def is_outdated(port: Revision, current: Revision | None) -> bool:
    """Whether a newer revision, with other content than what was ported, is current."""
    if port.ports is None or current is None or port.ports_id == current.pk:
        return False
    return bool(current.carries.get(str(port.ports.number)) != Carry.SAME)


def port_for(contribution: Contribution, release: Release) -> Revision | None:
    """The port that stands there: received, of the current revision or of one with the same content.

    Of several the approved one, else the author's own, else the newest: nobody's port pushes a better one aside.
    """
    return ports_by_release(contribution, [release.pk]).get(release.pk)


def ports_by_release(contribution: Contribution, releases: Iterable[int] | None = None) -> dict[int, Revision]:
    """The same for several releases (all of them unless some are named), by their keys."""
    return ports_of_each([contribution], releases).get(contribution.pk, {})


def ports_of_each(
    contributions: Iterable[Contribution], releases: Iterable[int] | None = None
) -> dict[int, dict[int, Revision]]:
    """The same for several contributions, by their keys, in two queries at most; those without a port are left out."""
    of = {contribution.pk: contribution for contribution in contributions}
    rows = _received(of)
    if releases is not None:
        rows = rows.filter(release__in=releases)
    ports = sorted(rows, key=lambda port: rank(port, of[port.contribution_id]), reverse=True)
    shown = [of[port.contribution_id].current_id for port in ports]
    current = Revision.objects.only("number", "carries").in_bulk(shown) if ports else {}
    found: dict[int, dict[int, Revision]] = {}
    for port in ports:
        if not is_outdated(port, current.get(of[port.contribution_id].current_id)):
            found.setdefault(port.contribution_id, {}).setdefault(port.release_id, port)
    return found


def rank(port: Revision, contribution: Contribution) -> tuple[bool, bool, int]:
    """The higher, the better a port it is of several that are made of the same for the same."""
    return port.approved_at is not None, port.submitted_by_id == contribution.author_id, port.number


def holds_for(port: Revision, number: int | None, *, current: int) -> str:
    """How far what was said of the revision of that number holds for a port that stands.

    What the `current` revision is, that what was ported is: else the port would be outdated.
    """
    if number == port.number:
        return Carry.SAME
    if number in {None, current} and port.ports is not None:
        number = port.ports.number
    return str(port.carries.get(str(number), Carry.TOUCHED))
