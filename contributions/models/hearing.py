"""Whom a recall concerns: the organisations that reported on what is recalled, or have its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from .build import Artifact
from .notices import Download
from .person import Organisation
from .revision import Revision
from .voices import FieldReport

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .publication import Publication

PARTS = ("raw", "mbox", "diff", "bundle")


def hearers_of_publication(publication: Publication) -> QuerySet[Organisation]:
    """Those that reported on it for that release, or have its files or its patch."""
    made = {"build": publication.build_id} if publication.build_id else {"revision": publication.revision_id}
    reports = FieldReport.objects.filter(revision=publication.revision_id, release=publication.release_id)
    return _touched_by(reports, Artifact.objects.filter(**made), Revision.objects.filter(pk=publication.revision_id))


def hearers_of_revisions(revisions: QuerySet[Any]) -> QuerySet[Organisation]:
    """Those that reported on any of them, or have a file that was made of any of them."""
    of = revisions.values("pk")
    artifacts = Artifact.objects.filter(Q(build__revision__in=of) | Q(revision__in=of))
    return _touched_by(FieldReport.objects.filter(revision__in=of), artifacts, revisions)


def _touched_by(
    reports: QuerySet[FieldReport], artifacts: QuerySet[Artifact], revisions: QuerySet[Any]
) -> QuerySet[Organisation]:
    bytes_of = Q(blob__in=artifacts.values("blob"))
    for part in ("raw", "mbox", "diff", "bundle"):
        bytes_of |= Q(blob__in=revisions.filter(**{f"{part}__isnull": False}).values(part))
    have = Download.objects.filter(bytes_of)
    return Organisation.objects.filter(Q(pk__in=reports.values("organisation")) | Q(pk__in=have.values("organisation")))
