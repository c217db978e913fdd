"""What a contribution claims: said by its author, ticked by whoever tried it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contributions.actions import claiming
from contributions.claims import Line
from contributions.errors import Missing, NotAllowed
from contributions.forms.voices import ClaimsForm, TickForm
from contributions.models import Claim

from .contribution import find
from .entering import person_of, verb
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Contribution


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def claims(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.may_be_revised_by(request.user):
        raise NotAllowed("Only its author says what a contribution claims, and only until it is withdrawn.")
    context: dict[str, object] = {"contribution": contribution}
    if request.method != "POST":
        form = ClaimsForm(initial=_typed(contribution))
        return render(request, "claims.html", {"form": form, **context})
    form = ClaimsForm(request.POST)
    author = person_of(request)
    made = carried_out(form, lambda: claiming.set_claims(author=author, contribution=contribution, **form.cleaned_data))
    if made is None:
        return answer_form(request, "claims.html", form, context)
    messages.success(request, "That is what it claims now.")
    return redirect(contribution)


def _typed(contribution: Contribution) -> dict[str, str]:
    """What it claims, as the form takes it."""
    lines: dict[str, list[str]] = {Claim.Kind.FIXES: [], Claim.Kind.TEST: []}
    for claim in contribution.claims.standing():
        lines[claim.kind].append(str(Line(claim.text, claim.url)))
    return {"fixes": "\n".join(lines[Claim.Kind.FIXES]), "tests": "\n".join(lines[Claim.Kind.TEST])}


@verb("contribution", by="number")
def claim_tick(request: HttpRequest, number: int, claim: int) -> HttpResponse:
    contribution = find(request, number)
    found = contribution.claims.select_related("contribution").filter(pk=claim).first()
    if found is None:
        raise Missing("It claims no such thing.")
    form = TickForm(request.POST)
    if not form.is_valid():
        raise Missing("Say whether it holds.")
    claiming.tick(person=person_of(request), claim=found, **form.cleaned_data)
    messages.success(request, "Noted: that is what you saw.")
    return redirect(f"{contribution.get_absolute_url()}#claim-{found.pk}")
