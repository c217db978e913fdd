"""Upgrade forecasts: what a release will cost a stack, or all that an organisation carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import NotAllowed
from contributions.models import Contribution, Forecast, Person, Stack
from contributions.models.forecasting import (
    Do,
    chosen_target,
    forecast_of_organisation,
    forecast_of_stack,
    targets_of,
    targets_of_organisation,
    words_of,
)
from contributions.models.forges import commit_address

from .entering import person_of
from .organisations import organisation_called
from .stacks import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from contributions.models import Release
    from contributions.models.forecasting import Prospect, Row

MOST_STACKS = 10  # named on the page of a release
ORDER = (Do.WORK, Do.PORT, Do.DROP, Do.UNKNOWN, Do.CARRY)  # what takes time comes first
HEADINGS = {
    Do.WORK: "Needs work",
    Do.PORT: "A port exists: take it",
    Do.DROP: "Drop: upstream has it",
    Do.UNKNOWN: "Not known yet",
    Do.CARRY: "Carry unchanged",
}
GLYPHS = {Do.WORK: "hammer", Do.PORT: "git-branch", Do.DROP: "arrow-up", Do.UNKNOWN: "clock", Do.CARRY: "check"}


@require_safe
def of_stack(request: HttpRequest, number: int) -> HttpResponse:
    stack = find(request, number)
    targets = targets_of(stack.component_id)
    release = chosen_target(targets, request.GET.get("release", ""), stack.release)
    context: dict[str, Any] = {"stack": stack, "targets": targets, "release": release}
    context["coming"] = _coming(targets, release)
    if release is not None:
        prospect = forecast_of_stack(stack, release, Contribution.objects.visible_to(request.user))
        kept = Forecast.objects.filter(stack=stack, release=release) if stack.is_carried_by(request.user) else None
        context |= _shown(prospect, kept.first() if kept is not None else None)
    return render(request, "forecast/stack.html", context)


@login_required
@require_safe
def of_organisation(request: HttpRequest, slug: str) -> HttpResponse:
    """For its members alone."""
    found, person = organisation_called(slug), person_of(request)
    if not found.memberships.filter(person=person).exists():
        raise NotAllowed("Only members see what an upgrade will cost their organisation.")
    targets = targets_of_organisation(found)
    release = chosen_target(targets, request.GET.get("release", ""))
    context: dict[str, Any] = {"organisation": found, "targets": targets, "release": release}
    context["coming"] = _coming(targets, release)
    if release is not None:
        prospect = forecast_of_organisation(found, release, Contribution.objects.visible_to(person))
        context |= _shown(prospect, Forecast.objects.filter(organisation=found, release=release).first())
    return render(request, "forecast/organisation.html", context)


def _coming(targets: Sequence[Release], shown: Release | None) -> Release | None:
    """A candidate that is newer than the release that is shown: what will have to be known soon."""
    if shown is None:
        return None
    newer = (row for row in targets if row.component_id == shown.component_id and row.position > shown.position)
    return next((row for row in newer if row.is_candidate), None)


def _shown(prospect: Prospect, kept: Forecast | None) -> dict[str, Any]:
    groups = [(do, [row for row in prospect.rows if row.outlook.do == do]) for do in ORDER]
    return {
        "prospect": prospect,
        "words": words_of(prospect.totals),
        "groups": [
            {"do": do, "heading": HEADINGS[do], "glyph": GLYPHS[do], "lines": [_line(row, prospect) for row in rows]}
            for do, rows in groups
            if rows
        ],
        "night": kept,
        "before": words_of(kept.totals) if kept and kept.totals != prospect.totals else "",
    }


def _line(row: Row, prospect: Prospect) -> dict[str, Any]:
    upstream, outlook = prospect.release.component.upstream_url, row.outlook
    port = f"?revision={row.revision.number}" if row.revision.pk != row.contribution.current_id else ""
    return {
        "row": row,
        "commit_page": commit_address(upstream, outlook.commit),
        "reason": f"/contributions/{row.contribution.pk}/fits/{prospect.release.name}/{port}",
        "blamed": [
            {**found, "page": commit_address(upstream, str(found["commit"]))}
            for found in outlook.blame
            if found.get("commit")
        ],
    }


def costs_of(release: Release, user: Any) -> list[dict[str, str]]:
    """Where this person reads what an upgrade to the release will cost; nothing for strangers."""
    if not isinstance(user, Person):
        return []
    stacks = Stack.objects.carried_by(user).filter(component=release.component_id, archived_at=None)
    costs = [
        {"name": stack.name, "url": f"{stack.get_absolute_url()}forecast/?release={release.slug}"}
        for stack in stacks.exclude(release=release)[:MOST_STACKS]
    ]
    ours = user.organisation
    if ours is not None:
        costs.append({"name": ours.name, "url": f"{ours.get_absolute_url()}forecast/?release={release.slug}"})
    return costs
