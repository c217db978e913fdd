"""What needs a port: where the current revision does not fit, no port stands, and upstream has not taken it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from .contribution import Contribution
from .fit import Fit
from .standing import Standing

if TYPE_CHECKING:
    from .release import Release

MENDABLE = (Fit.State.CONFLICTS, Fit.State.NO_BASE)
WANTED = (Contribution.State.OPEN, Contribution.State.CHANGES_REQUESTED, Contribution.State.APPROVED)


def needing_port(release: Release | None = None) -> Q:
    """The condition that a contribution needs one, to this release or to any that is supported."""
    there = Standing.objects.filter(fit__in=MENDABLE, release__state="supported")
    if release is not None:
        there = there.filter(release=release)
    taken = Q(upstream_status=Contribution.UpstreamStatus.APPLIED)
    return Q(pk__in=there.order_by().values("contribution"), state__in=WANTED) & ~taken
