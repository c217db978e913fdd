"""An experience as it is read: the note of a revision, its headings, and the releases it holds for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contributions.errors import Missing
from contributions.markup import contents
from contributions.models import Contribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Release, Revision

FEWEST = 2  # headings that are worth a table of contents


def releases_of(contribution: Contribution) -> Sequence[Release]:
    """Where an experience is true, the oldest first: those that it names, else the one it was made for."""
    if contribution.kind != Contribution.Kind.EXPERIENCE:
        return []
    named = list(contribution.holds_for.order_by("position", "pk"))
    return named or ([contribution.release] if contribution.release else [])


def note_of(contribution: Contribution, revision: Revision | None) -> dict[str, Any]:
    """What the page shows of the note; raises Missing for a revision that was not received."""
    if contribution.kind != Contribution.Kind.EXPERIENCE or revision is None:
        return {"html": contribution.description_html}
    if not revision.is_received:
        raise Missing("This revision was not received.")
    is_current = revision.pk == contribution.current_id
    html = contribution.description_html if is_current else revision.html
    headings = contents(html)
    return {
        "html": html,
        "headings": headings if len(headings) >= FEWEST else [],
        "old_note": None if is_current else revision,
    }
