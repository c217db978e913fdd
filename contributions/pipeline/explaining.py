"""Telling why a patch does not fit, behind the verdict: a fit that conflicts is looked into once more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from contributions.checkout.explaining import explain
from contributions.errors import Refusal, Trouble
from contributions.models import Blob, Fit, Inquiry
from contributions.models.fit import UNCLEAR
from contributions.plaintext import clean

from .leasing import leased
from .places import mirror_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.checkout.blaming import Blame
    from contributions.checkout.clashing import Clash, Hunk, Stretch
    from contributions.checkout.explaining import Explanation


def queue_inquiries(fits: Sequence[Fit]) -> list[Inquiry]:
    """Part of recording verdicts: whatever was found before is forgotten, and looked for anew where it matters."""
    Inquiry.objects.filter(fit__in=fits).delete()
    return Inquiry.objects.bulk_create(Inquiry(fit=fit) for fit in fits if fit.state in UNCLEAR)


def fits_that_wait() -> Iterator[int]:
    """A fit that waits to be judged, if there is one; its neighbours are judged along with it."""
    fresh = Fit.objects.waiting().filter(attempts=0, queued_at__lte=Now())
    yield from fresh.order_by("queued_at").values_list("pk", flat=True)[:1]


def inquire(pk: int) -> None:
    """Find the reason if that waits to be found."""
    row: Inquiry | None = Inquiry.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _record(row, _explained(row.fit))
        except (Refusal, Trouble) as problem:
            row.put_back(problem.sentence)


def _explained(fit: Fit) -> Explanation:
    revision = fit.revision
    return explain(mirror_with(revision), revision.base_commit, revision.tip_commit, fit.release_commit)


def _record(row: Inquiry, found: Explanation) -> None:
    """Unless the fit was judged again meanwhile: another inquiry waits then, and this one is gone."""
    counts = {clash.path: clash.count for clash in found.clashes}
    with transaction.atomic():
        Fit.objects.select_for_update(no_key=True).get(pk=row.fit_id)  # before the inquiry, as whoever judges it does
        row.finish(Inquiry.State.DONE, sentence="")
        clash = Blob.objects.keep_bytes(_written(found)) if found.clashes else None
        blame = [_blamed(blame, counts.get(blame.path, 0)) for blame in found.blames]
        Fit.objects.filter(pk=row.fit_id).update(blame=blame, clash=clash)


def _blamed(blame: Blame, hunks: int) -> dict[str, Any]:
    return {
        "path": blame.path,
        "why": str(blame.why),
        "commit": blame.commit,
        "subject": clean(blame.subject),
        "author": clean(blame.author),
        "at": clean(blame.at),
        "merge": blame.merge,
        "hunks": hunks,
    }


def _written(found: Explanation) -> bytes:
    return json.dumps({"files": [_file(clash) for clash in found.clashes]}, ensure_ascii=False).encode()


def _file(clash: Clash) -> dict[str, Any]:
    return {
        "path": clash.path,
        "how": str(clash.how),
        "count": clash.count,
        "hunks": [_hunk(hunk) for hunk in clash.hunks],
    }


def _hunk(hunk: Hunk) -> dict[str, Any]:
    sides = {"base": hunk.base, "ours": hunk.ours, "theirs": hunk.theirs}
    return {name: _side(side) for name, side in sides.items()} | {"before": hunk.before, "after": hunk.after}


def _side(side: Stretch) -> dict[str, Any]:
    return {"start": side.start, "lines": side.lines, "cut": side.cut}
