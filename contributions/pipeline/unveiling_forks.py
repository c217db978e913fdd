"""Making the drafts of a fork public, as many at once as their author chose: one by one, and told as one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.models import Carried, Contribution, Fork
from contributions.models.overlapping import overlaps_of

from .drafting import unfounded
from .unveiling import unveil

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Build

AT_ONCE = 20  # drafts a ring; the rest has its turn behind what else waits


def unveil_some(pk: int) -> tuple[Sequence[Build], bool]:
    """Make some of what its author asked for public; the builds that it queued, and whether there is more."""
    builds: list[Build] = []
    for _ in range(AT_ONCE):
        found = _unveil_next(pk)
        if found is None:
            return builds, False
        builds += found
    return builds, Carried.objects.filter(fork=pk).exclude(asked_at=None).exists()


def _unveil_next(pk: int) -> Sequence[Build] | None:
    """One draft in one transaction, the earliest first, as later ones stand on it; None when none waits.

    The fork is held meanwhile: another worker would find what the next draft stands on still hidden.
    """
    with transaction.atomic():
        Fork.objects.select_for_update(no_key=True).get(pk=pk)
        rows = Carried.objects.filter(fork=pk).exclude(asked_at=None).order_by("position")
        row = rows.select_for_update(of=("self",)).select_related("fork__author").first()
        if row is None:
            return None
        draft = Contribution.objects.select_for_update(of=("self",)).filter(carried=row).first()
        is_public = draft is not None and not draft.is_draft  # its author was faster, on its own page
        sentence = "" if is_public else _against(row, draft)
        builds = [] if draft is None or is_public or sentence else _unveiled(row, draft)
        Carried.objects.filter(pk=row.pk).update(asked_at=None, sentence=sentence)
        return builds


def _against(row: Carried, draft: Contribution | None) -> str:
    """Why it stays a draft, in a sentence; empty when nothing stands against it."""
    if draft is None or draft.is_withdrawn:
        return "It is no draft any more."
    if draft.is_quarantined:
        return "It is in quarantine, and stays out of sight."
    if draft.current_id is None:
        return "It was not received yet: publish it once it is."
    if needed := unfounded(draft):
        return needed
    found = overlaps_of(draft, row.fork.author)
    siblings = set(row.fork.carried.exclude(contribution=None).values_list("contribution", flat=True))
    others = [f"#{other.contribution.pk}" for other in found.others if other.contribution.pk not in siblings]
    has_it = [fit.release.name for fit in found.upstream]
    if others or has_it:
        what = f"It is like {', '.join(others[:5])}." if others else f"{', '.join(has_it[:5])} has it."
        return f"{what} Look at that on its own page; there you can share it all the same."
    return ""


def _unveiled(row: Carried, draft: Contribution) -> Sequence[Build]:
    """The first of a lot tells of all of it; the others are told to those alone who look for them."""
    lot = row.fork.carried.filter(asked_at=row.asked_at).exclude(pk=row.pk).count()
    first = Fork.objects.filter(pk=row.fork_id).exclude(told_batch=row.asked_at).update(told_batch=row.asked_at)
    text = f"with {lot} more of the same fork" if first and lot else ""
    return unveil(draft, actor=row.fork.author, text=text, is_quiet=not first)


def forgotten(most: int) -> list[int]:
    """Forks of which drafts wait to be public although nobody seems to come."""
    before = Now() - timedelta(seconds=settings.LEASE_SECONDS)
    rows = Carried.objects.filter(asked_at__lt=before).order_by("fork").values_list("fork", flat=True)
    return list(rows.distinct()[:most])
