"""What the portal has of a fork's patches, as far as the fork's author may know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import TextField
from django.db.models.expressions import Func, Value
from django.db.models.functions import Cast

from contributions.models import Carried, Contribution, Fork, Revision

from .drafting import drafts_of_forks

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from django.db.models import QuerySet

CHANGE_ID = r"(?i)Change-Id:\s*(I[0-9a-f]{8,40})"


def by_fingerprint(fork: Fork, numbers: AbstractSet[str]) -> dict[str, Contribution]:
    rows = Revision.objects.filter(fingerprint__in=numbers, state=Revision.State.RECEIVED)
    found = rows.filter(contribution__in=_seen_by_author(fork)).order_by("-contribution")
    return {row.fingerprint: row.contribution for row in found.select_related("contribution__component").only(
        "fingerprint", "contribution"
    )}  # fmt: skip


def by_change_id(fork: Fork, ids: AbstractSet[str]) -> dict[str, Contribution]:
    """By the first Change-Id of what is current."""
    if not ids:
        return {}
    text = Func(Cast("current__commits", TextField()), Value(CHANGE_ID), function="substring", output_field=TextField())
    rows = _seen_by_author(fork).annotate(change_id=Func(text, function="lower", output_field=TextField()))
    return {row.change_id: row for row in rows.filter(change_id__in=ids).order_by("-pk")}


def by_key(fork: Fork, keys: AbstractSet[str]) -> dict[str, Contribution]:
    """What was made of the same commits of earlier forks that its author may see, by the first commit of each."""
    rows = Carried.objects.filter(fork__in=Fork.objects.visible_to(fork.author), state=Carried.State.DRAFTED)
    found = rows.filter(key__in=keys, fork__component=fork.component_id).exclude(fork=fork.pk)
    kept = found.exclude(contribution=None).exclude(contribution__state=Contribution.State.WITHDRAWN)
    return {row.key: row.contribution for row in kept.select_related("contribution").order_by("pk") if row.contribution}


def own_drafts(fork: Fork, contributions: AbstractSet[int]) -> dict[int, Carried]:
    """Of these the drafts of its author's earlier forks, for the same organisation: this one goes on with them."""
    rows = drafts_of_forks().filter(contribution__in=contributions, contribution__author=fork.author_id)
    own = rows.filter(fork__author=fork.author_id, fork__organisation=fork.organisation_id).exclude(fork=fork.pk)
    return {row.contribution_id: row for row in own if row.contribution_id}


def _seen_by_author(fork: Fork) -> QuerySet[Contribution]:
    rows = Contribution.objects.visible_to(fork.author).filter(component=fork.component_id)
    return rows.exclude(state=Contribution.State.WITHDRAWN).exclude(current=None)
