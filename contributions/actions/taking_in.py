"""Taking suggested edits in: one press makes a new revision of them."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions import anchoring
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, LineComment, Revision
from contributions.models.whereabouts import stands, text_of

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .sources import Suggestions
from .submitting import revise, sent_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Person
    from contributions.models.whereabouts import Stand

MOST_AT_ONCE = 50


def take_in(*, person: Person, contribution: Contribution, suggestions: Sequence[int]) -> Revision:
    """Make the next revision of the remarks with these keys; the same press again gives the same revision.

    All of them or none: raises Clash when one is taken already or its text is no longer there.
    """
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_revised_by(person):
        raise NotAllowed("Only its author takes suggestions in, and only until it is withdrawn.")
    pace(person, Event.Verb.REVISED)
    keys = sorted(set(suggestions))
    if not keys or len(keys) > MOST_AT_ONCE:
        raise Invalid(f"Choose 1 to {MOST_AT_ONCE} suggestions.", field="suggestions")
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        current = _current(contribution)
        once = f"suggestions:{current.pk}:{hashlib.sha256(repr(keys).encode()).hexdigest()[:16]}"
        if earlier := sent_once(person, once):
            return earlier
        _refuse_while_receiving(contribution)
        chosen = _chosen(contribution, keys)
        source = Suggestions(current, json.dumps(_edits(chosen, current)).encode())
        given: dict[str, Any] = {"note": _note(chosen), "release": current.release, "once": once}
        made = revise(author=person, contribution=contribution, source=source, **given)
        LineComment.objects.filter(pk__in=keys).update(taken_in=made)
    return made


def _current(contribution: Contribution) -> Revision:
    """As the row says now, which may be newer than what the page that was pressed on knew."""
    current: Revision | None = Contribution.objects.get(pk=contribution.pk).current
    if current is None:
        raise Clash("There is no received revision yet that suggestions could change.")
    return current


def _refuse_while_receiving(contribution: Contribution) -> None:
    newest = contribution.revisions.own().order_by("-number").only("state", "number").first()
    if newest is not None and not newest.is_over:
        raise Clash(f"v{newest.number} is being received; take suggestions in once it is there.")


def _chosen(contribution: Contribution, keys: list[int]) -> list[LineComment]:
    rows = LineComment.objects.suggestions().filter(contribution=contribution, pk__in=keys)
    found = list(rows.select_related("author").order_by("pk"))
    if len(found) < len(keys):
        raise Clash("Not all of these are suggestions that can be taken in; perhaps one was taken or removed.")
    return found


def _edits(chosen: Sequence[LineComment], current: Revision) -> list[dict[str, Any]]:
    """What the worker needs of each: the lines as they stand in the current revision, and what they shall say."""
    found = stands(chosen, current)
    edits = [_edit(one, found[one.pk], current) for one in chosen]
    spans = sorted((edit["path"], edit["start"], edit["end"]) for edit in edits)
    for (path, _, end), (other, start, _) in pairwise(spans):
        if path == other and start <= end:
            raise Clash(f"Two suggestions change line {start} of {path}; take one of them.")
    return edits


def _edit(one: LineComment, stand: Stand, current: Revision) -> dict[str, Any]:
    quoted = one.quoted.split("\n")
    if stand.index is None or stand.is_outdated:
        raise Clash(f"{current.label} no longer has the lines that the suggestion on {one.place} replaces.")
    lines = text_of(current, stand.index, one.side)
    if [lines.get(number) for number in range(stand.start, stand.end + 1)] != quoted:
        raise Clash(f"In {current.label} the lines that the suggestion on {one.place} replaces are not quite the same.")
    return {
        "remark": one.pk,
        "path": current.files[stand.index]["path"],
        "start": stand.start,
        "end": stand.end,
        "quoted": quoted,
        "lines": anchoring.lines_in(one.suggestion),
        "by": " ".join(str(one.author).split()),
    }


def _note(chosen: Sequence[LineComment]) -> str:
    names = ", ".join(dict.fromkeys(str(one.author) for one in chosen))
    edits = "a suggested edit" if len(chosen) == 1 else f"{len(chosen)} suggested edits"
    return f"Takes in {edits} by {names}."
