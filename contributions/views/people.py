"""A person's page, and the tokens that the person's machines carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import issuing
from contributions.errors import Missing
from contributions.forms.people import TokenForm
from contributions.forms.voices import ReasonForm
from contributions.keeping import kept
from contributions.models import ApiToken, Contribution, Person

from .entering import person_of, verb
from .listing import contribution_page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@kept
def person(request: HttpRequest, username: str) -> HttpResponse:
    shown = Person.objects.filter(username=username).first()
    if shown is None or not (shown.is_active or shown.may_be_suspended_by(request.user)):
        raise Missing("There is no account of that name.")
    return show_person(request, shown, ReasonForm())


def show_person(request: HttpRequest, shown: Person, form: ReasonForm) -> HttpResponse:
    """The page, with the reason for suspending or reinstating the account as it was typed."""
    visible = Contribution.objects.visible_to(request.user).filter(author=shown)
    context: dict[str, object] = {
        "person": shown,
        "memberships": shown.memberships.select_related("organisation"),
        "maintained": shown.maintained_components.all(),
        "page": contribution_page(request, visible, Contribution.ORDERS["newest"]),
        "may_suspend": shown.may_be_suspended_by(request.user),
    }
    return answer_form(request, "person.html", form, context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive()
def tokens(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST or None, initial={"days": "90", "scopes": ["read"]})
    context = {"tokens": person_of(request).tokens.all(), "form": form, "scopes": ApiToken.SCOPES_HELP.items()}
    if request.method != "POST":
        return render(request, "tokens.html", context)
    made = carried_out(form, lambda: issuing.make_token(person=person_of(request), **form.cleaned_data))
    if made is None:
        return answer_form(request, "tokens.html", form, context)
    token, secret = made
    return render(request, "tokens.html", {**context, "form": TokenForm(), "made": token, "secret": secret})


@verb("tokens", of_the_same=False)
def token_revoke(request: HttpRequest, number: int) -> HttpResponse:
    token = person_of(request).tokens.filter(pk=number).first()
    if token is None:
        raise Missing("You have no such token.")
    issuing.revoke_token(person=person_of(request), token=token)
    return redirect("tokens")
