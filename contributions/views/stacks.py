"""Stacks: the list, one stack with what is in it, and each time that it was laid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Invalid, Missing
from contributions.forms.stacking import ChangeForm, CopyForm, PickForm
from contributions.models import Artifact, Assembly, Build, Contribution, Revision, Stack, gave_up
from contributions.models.planning import Plan
from contributions.models.stack_verdict import finding_of, stopped_by

from .paging import page
from .stack_graph import graph_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

SHOWS = ("carried", "public", "archived")
HISTORY = 20  # assemblies that a stack's page tells
MOST_PAIRS = 300  # in the table beside the graph
AT_WORK = {"queued", "running"}


def find(request: HttpRequest, number: int) -> Stack:
    """The stack, if this person may see it; raises Missing."""
    found = Stack.objects.visible_to(request.user).with_names().filter(pk=number).first()
    if found is None:
        raise Missing("There is no stack of that number, or it is not public.")
    return found


@require_safe
def stacks(request: HttpRequest) -> HttpResponse:
    usual = "carried" if request.user.is_authenticated else "public"
    show = request.GET.get("show", "") or usual
    if show not in SHOWS:
        raise Invalid("Show what is " + ", ".join(SHOWS) + ".")
    found = page(request, _shown(request, show).with_names().with_news(), ("-pk",))
    return render(request, "stacks.html", {"page": found, "show": show})


def _shown(request: HttpRequest, show: str) -> Any:
    rows = Stack.objects.visible_to(request.user)
    if show == "public":
        return rows.filter(is_public=True, archived_at=None)
    if not request.user.is_authenticated:
        return rows.none()
    return rows.carried_by(request.user).filter(archived_at__isnull=show != "archived")


@require_safe
def stack(request: HttpRequest, number: int) -> HttpResponse:
    return show_stack(request, find(request, number))


def show_stack(request: HttpRequest, shown: Stack, *, status: int = 200, **forms: Any) -> HttpResponse:
    """The page, with the forms that were sent and refused."""
    plan = Plan(shown, request.user)
    may_change = shown.may_be_changed_by(request.user)
    last = Assembly.objects.told_to(request.user).filter(stack=shown).order_by("-number").first()
    context = {
        "stack": shown,
        "plan": plan,
        "rows": list(_rows(plan, may_change=may_change)),
        "unseen": len(plan.picks) - len(plan.visible) if not may_change else 0,
        "may_change": may_change,
        "may_act": may_change and not shown.is_archived,
        "last": last,
        "finding": finding_of(last) if last else "",
        "given_up": gave_up.words_for(gave_up.of_assembly(last)) if last else [],
        "moving": last is not None and _is_moving(last),
        "history": _history(request, shown),
        "pick_form": PickForm(),
        **forms,
    }
    if may_change and "change_form" not in forms:
        told = {"name": shown.name, "release": shown.release.slug, "note": shown.note, "is_public": shown.is_public}
        context["change_form"] = ChangeForm(component=shown.component, initial=told)
    if request.user.is_authenticated:
        context.setdefault("copy_form", CopyForm(person=request.user))
    return render(request, "stack/stack.html", context, status=status)


def _history(request: HttpRequest, shown: Stack) -> Any:
    rows = Assembly.objects.told_to(request.user).filter(stack=shown).select_related("release", "asked_by")
    return rows.defer("order", "pairs", "asked").order_by("-number")[:HISTORY]


def _rows(plan: Plan, *, may_change: bool) -> Iterable[dict[str, Any]]:
    """What is in it, in the order asked for; who carries it sees that there is something that they may not look at."""
    numbers = _numbers_of(plan) if may_change else {}
    for place, pick in enumerate(plan.picks):
        number = pick.contribution_id
        if number in plan.visible or may_change:
            yield {
                "pick": pick,
                "contribution": pick.contribution if number in plan.visible else None,
                "revision": plan.revisions.get(number),
                "fit": plan.fits.get(number),
                "needs": sorted(one for one in plan.within.get(number, ()) if one in plan.visible or may_change),
                "unknown": plan.needs[number].unknown if number in plan.needs else (),
                "hurdle": plan.hurdle_of(pick) if may_change else "",
                "numbers": numbers.get(number, ()),
                "is_first": not place,
                "is_last": place == len(plan.picks) - 1,
            }


def _numbers_of(plan: Plan) -> dict[int, list[int]]:
    """The revisions that each may be pinned to, the newest first."""
    rows = Revision.objects.filter(contribution__in=plan.numbers, state=Revision.State.RECEIVED, ports=None)
    found: dict[int, list[int]] = {}
    for contribution, number in rows.order_by("-number").values_list("contribution_id", "number"):
        found.setdefault(contribution, []).append(number)
    return found


def _is_moving(row: Assembly) -> bool:
    waiting = row.builds.filter(state__in=AT_WORK).exists()
    return not row.is_over or waiting


@require_safe
def assembly(request: HttpRequest, number: int, serial: int) -> HttpResponse:
    shown = find(request, number)
    told = Assembly.objects.told_to(request.user).filter(stack=shown, number=serial)
    row = told.select_related("release__component", "stack__component", "asked_by", "culprit__contribution").first()
    if row is None:
        raise Missing("This stack was not assembled that often, or holds something now that you may not see.")
    titles = _titles(request, row)
    builds = Build.objects.known_to(request.user).filter(assembly=row).order_by("-depth", "-pk").defer("recipe")
    context = {
        "stack": shown,
        "assembly": row,
        "entries": [{**entry, "title": titles.get(entry["contribution"], "")} for entry in row.order],
        "graph": graph_of(row.order, row.pairs, titles) if row.order else None,
        "pairs": row.pairs[:MOST_PAIRS],
        "more_pairs": max(len(row.pairs) - MOST_PAIRS, 0),
        "whole": [build for build in builds if build.depth == row.height],
        "parts": [build for build in builds if build.depth != row.height],
        "artifacts": _artifacts(builds, row),
        "finding": finding_of(row),
        "stopped": _stopped(request, row),
        "given_up": gave_up.words_for(gave_up.of_assembly(row)),
        "may_act": shown.may_be_changed_by(request.user) and not shown.is_archived,
        "taken_back": _taken_back(row),
        "moving": _is_moving(row),
        "may_change": shown.may_be_changed_by(request.user) and not shown.is_archived,
    }
    return render(request, "stack/assembly.html", context)


def _titles(request: HttpRequest, row: Assembly) -> dict[int, str]:
    seen = Contribution.objects.visible_to(request.user).filter(pk__in=[one["contribution"] for one in row.asked])
    return dict(seen.values_list("pk", "title"))


def _artifacts(builds: QuerySet[Build], row: Assembly) -> QuerySet[Artifact]:
    """Of the newest build of the whole that made some."""
    whole = builds.filter(depth=row.height, state=Build.State.PASSED).order_by("-pk").values("pk")[:1]
    return Artifact.objects.filter(build__in=whole).select_related("blob")


def _stopped(request: HttpRequest, row: Assembly) -> Build | None:
    """What stopped the search for the culprit, if this person may look at it."""
    build = stopped_by(row)
    return Build.objects.known_to(request.user).filter(pk=build.pk).first() if build else None


def _taken_back(row: Assembly) -> list[str]:
    """What of it was withdrawn or hidden since."""
    words = {True: "is withdrawn", False: "is in quarantine"}
    gone = row.contributions.order_by("pk")
    return [f"#{one.pk} {words[one.is_withdrawn]}." for one in gone if one.is_withdrawn or one.is_quarantined]
