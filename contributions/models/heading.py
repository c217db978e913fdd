"""What is put into the header of a patch that leaves the portal: its upstream status, for Debian and for Yocto."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from contributions.patches.status import Status, fields_of

from .judging import Claim
from .voices import Review

if TYPE_CHECKING:
    from .contribution import Contribution
    from .revision import Revision

MOST_REVIEWERS = 10


def status_of(contribution: Contribution) -> Status:
    return Status(
        contribution.upstream_status,
        contribution.upstream_link,
        contribution.upstream_reason,
        contribution.upstream_commit,
    )


def header_of(contribution: Contribution, revision: Revision) -> dict[str, str]:
    """The fields by name, in the order in which they are written; `patches.with_header` puts them in."""
    fields = fields_of(status_of(contribution))
    fields.setdefault("Origin", f"other, {settings.SITE_URL}{contribution.get_absolute_url()}")
    bugs = Claim.objects.standing().filter(contribution=contribution, kind=Claim.Kind.FIXES).exclude(url="")
    if bug := bugs.values_list("url", flat=True).first():
        fields["Bug"] = bug
    approved = Review.objects.filter(revision=revision, verdict=Review.Verdict.APPROVE).select_related("reviewer")
    if names := [str(review.reviewer) for review in approved.order_by("pk")[:MOST_REVIEWERS]]:
        fields["Reviewed-by"] = ", ".join(names)
    return fields | {"Last-Update": revision.created_at.date().isoformat()}
