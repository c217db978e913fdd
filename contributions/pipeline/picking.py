"""Which revision of a contribution a stack takes on a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.models.planning import chosen_of

if TYPE_CHECKING:
    from contributions.models import Pick, Release, Revision


def chosen(pick: Pick, release: Release) -> Revision | None:
    """The pinned revision, else a port for that release, else the current one; None while nothing was received."""
    return chosen_of([pick], release).get(pick.contribution_id)
