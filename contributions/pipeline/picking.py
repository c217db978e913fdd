"""Which revision of a contribution a stack takes on a release: the pinned one, a port, or the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.models import Revision

if TYPE_CHECKING:
    from contributions.models import Pick, Release


def chosen(pick: Pick, release: Release) -> Revision | None:
    """None while the contribution has no revision that was received whole."""
    if pick.revision is not None:
        return pick.revision
    current = pick.contribution.current
    if current is None:
        return None
    ports = Revision.objects.filter(ports=current, release=release, state=Revision.State.RECEIVED)
    port: Revision | None = ports.order_by("-number").first()
    return port or current
