"""What overlaps with a contribution; making a draft public once that was seen, or joining another one instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.actions import joining, sharing
from contributions.errors import Invalid
from contributions.forms.sharing import JoinForm
from contributions.keeping import kept
from contributions.models import Contribution
from contributions.models.overlapping import overlaps_of

from .contribution import find, framed
from .entering import person_of, verb
from .refusals import carried_out, status_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

MOST_JOINERS = 20


@require_safe
@kept
def overlaps(request: HttpRequest, number: int) -> HttpResponse:
    return _shown(request, find(request, number))


def _shown(request: HttpRequest, contribution: Contribution, form: JoinForm | None = None) -> HttpResponse:
    joiners = contribution.joiners.visible_to(request.user).select_related("author").order_by("pk")
    context: dict[str, Any] = {
        "radar": overlaps_of(contribution, request.user),
        "joiners": joiners[:MOST_JOINERS],
        "may_join": contribution.may_be_joined_by(request.user),
        "join_form": form or JoinForm(),
    }
    refusal = getattr(form, "refusal", None)
    status = status_of(refusal) if refusal else 400 if form else 200
    context = framed(request, contribution, "overlaps", **context)
    return render(request, "contribution/overlaps.html", context, status=status)


@verb("contribution")
def share(request: HttpRequest, number: int) -> HttpResponse:
    shared = sharing.share(person=person_of(request), contribution=find(request, number))
    messages.success(request, "Everybody can see it now.")
    return redirect(shared)


@verb("contribution-overlaps")
def join(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = JoinForm(request.POST)
    made = carried_out(form, lambda: _joined(request, contribution, form))
    if made is None:
        return _shown(request, find(request, number), form)
    messages.success(request, f"You joined #{made.joined_id}; you hear of it from now on.")
    return redirect("contribution", made.joined_id)


def _joined(request: HttpRequest, contribution: Contribution, form: JoinForm) -> Contribution:
    given = form.cleaned_data
    into = Contribution.objects.visible_to(request.user).filter(pk=given["into"]).first()
    if into is None:
        raise Invalid(f"There is no contribution #{given['into']} to join.", field="into")
    return joining.join(person=person_of(request), contribution=contribution, into=into, text=given["text"])
