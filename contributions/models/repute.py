"""What the portal knows of some bytes from elsewhere: that they were rejected or taken out of the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contribution import Contribution
from .publication import Publication

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .blob import Blob

MOST = 10  # words of each sort; one is enough to be warned


@dataclass(frozen=True)
class Word:
    """One word against them."""

    what: str
    reason: str
    contribution: Contribution

    @property
    def sentence(self) -> str:
        return f"These bytes were {self.what}, as #{self.contribution.pk}{': ' if self.reason else '.'}{self.reason}"


def words_against(blob: Blob, *, besides: Contribution | None = None) -> list[Word]:
    """What people decided against the bytes, `besides` one contribution whose own page says it already.

    That the machine refused them under another name says nothing, and anybody could bring it about.
    """
    words = [Word("taken out of the feed", row.reason, row.revision.contribution) for row in _taken_out(blob)]
    rejected = Contribution.objects.filter(state=Contribution.State.REJECTED, current__raw=blob)
    if besides is not None:
        rejected = rejected.exclude(pk=besides.pk)
    return [*words, *(Word("rejected by maintainers", "", contribution) for contribution in rejected[:MOST])]


def warning_about(blob: Blob) -> str:
    """Why nobody should install the bytes any more; empty when nothing is known."""
    return next((word.sentence for word in words_against(blob) if word.reason), "")


def _taken_out(blob: Blob) -> QuerySet[Publication]:
    rows = Publication.objects.of_bytes(blob).filter(state=Publication.State.WITHDRAWN).newest_first()
    return rows.select_related("revision__contribution").defer(
        "revision__files", "revision__commits", "revision__fingerprints"
    )[:MOST]
