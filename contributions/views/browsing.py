"""Finding contributions by where they touch their component, and by tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.actions import tagging
from contributions.errors import Invalid, Missing
from contributions.forms.sharing import TagsForm
from contributions.keeping import kept
from contributions.markup import reveal
from contributions.models import Component, Contribution, Place, Tag

from .contribution import find, show_overview
from .entering import person_of, verb
from .listing import contribution_page, on_release
from .refusals import carried_out, status_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Release
    from contributions.models.contribution import ContributionQuerySet

MOST_STEPS = 200  # names on a page of a folder
MOST_TAGS_SHOWN = 500


@require_safe
@kept
def files(request: HttpRequest, slug: str, path: str = "") -> HttpResponse:
    component = Component.objects.filter(slug=slug).first()
    if component is None:
        raise Missing("There is no such component.")
    path, after = path.strip("/"), request.GET.get("after", "").replace("\0", "")
    steps = Place.objects.steps(component, path, request.user, after=after, most=MOST_STEPS + 1)
    rows = Contribution.objects.visible_to(request.user).filter(component=component)
    if path:
        rows = rows.filter(Exists(Place.objects.at(component, path).filter(contribution=OuterRef("pk"))))
    if path and not steps and not rows.exists():
        raise Missing(f"Nothing that is shared touches {reveal(path[:200])} in {component.name}.")
    rows, asked = _narrowed(request, component, rows)
    context = {
        "component": component,
        "path": path,
        "above": _above(path),
        "steps": steps[:MOST_STEPS],
        "more": steps[MOST_STEPS - 1].name if len(steps) > MOST_STEPS else "",
        "asked": asked,
        "states": Contribution.State.choices,
        "releases": component.releases.supported().newest_first(),
        "page": contribution_page(request, rows, asked["keys"]),
    }
    return render(request, "component_files.html", context)


def _above(path: str) -> list[tuple[str, str]]:
    """The name and the path of each folder above."""
    names = path.split("/")
    return [(name, "/".join(names[: place + 1])) for place, name in enumerate(names[:-1])]


def _narrowed(
    request: HttpRequest, component: Component, rows: ContributionQuerySet
) -> tuple[ContributionQuerySet, dict[str, Any]]:
    """By the state and the release that the address asks for; raises Invalid or Missing."""
    state, name = request.GET.get("state", ""), request.GET.get("release", "")
    asked: dict[str, Any] = {"state": state, "release": name, "keys": Contribution.ORDERS["best"]}
    if state and state not in Contribution.State.values:
        raise Invalid("The state is one of " + ", ".join(Contribution.State.values) + ".")
    if state:
        rows = rows.in_state(state)
    if not name:
        return rows, asked
    release: Release | None = component.releases.filter(name=name).first()
    if release is None:
        raise Missing(f"{component.name} has no release “{reveal(name[:60])}”.")
    if release.is_supported:
        asked["keys"] = ("precedence", "-score_there", "-pk")
    return on_release(rows, release), asked  # type: ignore[return-value]


@require_safe
@kept
def tags(request: HttpRequest) -> HttpResponse:
    hidden = Contribution.objects.hidden_from(request.user)
    counted = sorted(Tag.objects.counted(MOST_TAGS_SHOWN, without=hidden))
    return render(request, "tags.html", {"tags": counted, "is_cut": len(counted) >= MOST_TAGS_SHOWN})


@require_safe
@kept
def tag(request: HttpRequest, name: str) -> HttpResponse:
    found = Tag.objects.filter(name=name.lower()).first()
    rows = Contribution.objects.visible_to(request.user).filter(tags=found)
    if found is None or not rows.exists():
        raise Missing(f"Nothing has the tag “{reveal(name[:60])}”.")
    context = {"tag": found, "page": contribution_page(request, rows, Contribution.ORDERS["best"])}
    return render(request, "tag.html", context)


@verb("contribution")
def tag_contribution(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = TagsForm(request.POST)
    made = carried_out(
        form, lambda: tagging.tag(person=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        refusal = getattr(form, "refusal", None)
        status = status_of(refusal) if refusal else 400
        return show_overview(request, contribution, tags_form=form, status=status)
    messages.success(request, "Its tags are changed.")
    return redirect(contribution)
