"""What the portal gave up on through its own fault, by the thing that people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from .build import Build
from .fit import Fit
from .fork import Fork
from .inquiry import Inquiry
from .remembering import Offer
from .sighting import Sighting
from .stack import Assembly
from .work import ERRORED

if TYPE_CHECKING:
    from .work import WorkQuerySet

NOUNS: dict[type[Any], str] = {
    Fit: "the verdict",
    Inquiry: "the look for the upstream commit to blame",
    Offer: "the try at a port",
    Sighting: "the look for the commit in other releases",
    Assembly: "the laying of the stack",
    Build: "a build",
    Fork: "the fork",
}


def of_fit(fit: Fit) -> list[WorkQuerySet]:
    """The verdict of one revision on one release, and what is looked for behind it."""
    contribution = fit.revision.contribution_id
    return [
        Fit.objects.filter(pk=fit.pk),
        Inquiry.objects.filter(fit=fit.pk),
        Offer.objects.filter(revision=fit.revision_id, release=fit.release_id),
        Sighting.objects.filter(contribution=contribution),
    ]


def of_assembly(row: Assembly) -> list[WorkQuerySet]:
    """The stack as it was laid, the builds of its parts, and the bare release that they are held against."""
    bare = Q(revision=None, assembly=None, release=row.release_id, commit=row.release_commit)
    told = Build.objects.filter(assembly=row).order_by().values("recipe_digest")
    builds = Build.objects.filter(Q(assembly=row) | bare & Q(recipe_digest__in=told))
    return [Assembly.objects.filter(pk=row.pk), builds]


def of_fork(fork: Fork) -> list[WorkQuerySet]:
    return [Fork.objects.filter(pk=fork.pk)]


def words_for(works: list[WorkQuerySet]) -> list[str]:
    """What of it errored, as people call it; empty if nothing did."""
    return [NOUNS[rows.model] for rows in works if rows.filter(state=ERRORED).exists()]
