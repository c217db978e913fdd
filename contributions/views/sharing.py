"""Sharing something new, and sending a new revision of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contributions.actions import submitting
from contributions.errors import NotAllowed
from contributions.forms.sharing import KIND_HINTS, ReviseForm, SubmitForm, grouped_releases
from contributions.models import Contribution

from .contribution import find
from .entering import person_of
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Revision


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    keeper = person_of(request).pk
    if request.method != "POST":
        asked = {name: request.GET.get(name, "") for name in ("component", "kind", "release")}
        form = SubmitForm(initial={"kind": "refinement", **{k: v for k, v in asked.items() if v}}, keeper=keeper)
        return render(request, "submit.html", _choices(form))
    form = SubmitForm(request.POST, request.FILES, keeper=keeper)
    made = carried_out(form, lambda: _submitted(request, form))
    if made is None:
        form.keep_files(most())
        return answer_form(request, "submit.html", form, _choices(form))
    return redirect(made)


def _submitted(request: HttpRequest, form: SubmitForm) -> Contribution:
    given = form.cleaned_data
    return submitting.submit(
        author=person_of(request),
        component=given["component"],
        kind=given["kind"],
        title=given["title"],
        description=given["description"],
        fixes=given["fixes"],
        tests=given["tests"],
        release=given["release"],
        licence=given["licence"],
        source=form.source(given["kind"], given["description"]),
        holds_for=list(given["holds_for"]) if given["kind"] == Contribution.Kind.EXPERIENCE else [],
        once=given["once"],
        hold=True,
    )


def _choices(form: SubmitForm) -> dict[str, Any]:
    kinds = [(value, label, KIND_HINTS[value]) for value, label in Contribution.Kind.choices]
    return {"form": form, "kinds": kinds, "groups": grouped_releases(), "most": most()}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.may_be_revised_by(request.user):
        raise NotAllowed("Only its author can revise a contribution, and only until it is withdrawn.")
    sent = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
    form = ReviseForm(
        **sent,
        contribution=contribution,
        keeper=person_of(request).pk,
        initial={
            "release": contribution.release.slug if contribution.release else "",
            "description": contribution.description,
            "holds_for": [release.slug for release in contribution.holds_for.all()],
        },
    )
    context = {
        "contribution": contribution,
        "form": form,
        "groups": grouped_releases(contribution.component.slug),
        "most": most(),
    }
    if request.method != "POST":
        return render(request, "revise.html", context)
    made = carried_out(form, lambda: _revised(request, contribution, form))
    if made is None:
        form.keep_files(most())
        return answer_form(request, "revise.html", form, context)
    return redirect(contribution)


def _revised(request: HttpRequest, contribution: Contribution, form: ReviseForm) -> Revision:
    given = form.cleaned_data
    return submitting.revise(
        author=person_of(request),
        contribution=contribution,
        source=form.source(contribution.kind, given["description"]),
        holds_for=list(given["holds_for"]) if contribution.kind == Contribution.Kind.EXPERIENCE else None,
        note=given["note"],
        release=given["release"],
        once=given["once"],
    )


def most() -> dict[str, int]:
    return {"patch": settings.MAX_PATCH_BYTES, "artifact": settings.MAX_ARTIFACT_BYTES}
