"""Marking files of a change as viewed: a note to oneself, which nobody else sees and no history tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.errors import Missing
from contributions.models import Viewed
from contributions.models.lines import content_of

if TYPE_CHECKING:
    from contributions.models import Person, Revision

LONGEST_PATH = 1000  # characters that a mark can hold


def mark_viewed(*, person: Person, revision: Revision, index: int, viewed: bool) -> str:
    """Mark file `index` of the revision, or take the mark back; return its path. Raises Missing for no such file."""
    if not 0 <= index < len(revision.files):
        raise Missing("This revision has no file of that number.")
    path = str(revision.files[index]["path"])[:LONGEST_PATH]
    mine = Viewed.objects.filter(contribution=revision.contribution_id, person=person, path=path)
    if viewed:
        Viewed.objects.update_or_create(
            contribution_id=revision.contribution_id,
            person=person,
            path=path,
            defaults={"fingerprint": content_of(revision, path)},
        )
    else:
        mine.delete()
    return path
