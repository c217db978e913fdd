"""A person's page, and the tokens that the person's machines carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import introducing, issuing
from contributions.errors import Missing
from contributions.forms.people import ProfileForm, TokenForm
from contributions.forms.voices import ReasonForm
from contributions.keeping import kept
from contributions.models import ApiToken, Comment, Contribution, Event, FieldReport, Person, Review
from contributions.models.reliability import reliability_of

from . import weeks
from .entering import person_of, verb
from .listing import contribution_page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

LATELY = 10  # reviews and reports on the page
UNREAD = ("revision__files", "revision__commits", "revision__contribution__description")
DID: dict[str, str] = {
    Event.Verb.SUBMITTED: "shared",
    Event.Verb.REVISED: "revised",
    Event.Verb.REVIEWED: "reviewed",
    Event.Verb.COMMENTED: "commented",
}


@require_safe
@kept
def person(request: HttpRequest, username: str) -> HttpResponse:
    shown = Person.objects.filter(username=username).first()
    if shown is None or not (shown.is_active or shown.may_be_suspended_by(request.user)):
        raise Missing("There is no account of that name.")
    return show_person(request, shown, ReasonForm())


def show_person(request: HttpRequest, shown: Person, form: ReasonForm) -> HttpResponse:
    """The page, with the reason for suspending or reinstating the account as it was typed."""
    known = Contribution.objects.visible_to(request.user)
    reviews = Review.objects.filter(reviewer=shown, revision__contribution__in=known)
    reports = FieldReport.objects.told_to(request.user).filter(author=shown, contribution__in=known)
    context: dict[str, object] = {
        "person": shown,
        "reliability": reliability_of(shown),
        "activity": _activity(request, shown),
        "reviews": reviews.select_related("revision__contribution").defer(*UNREAD)[:LATELY],
        "review_count": reviews.count(),
        "answer_count": Comment.objects.standing().filter(author=shown, accepted_at__isnull=False).count(),
        "reports": reports.select_related("contribution", "release__component", "organisation")[:LATELY],
        "memberships": shown.memberships.select_related("organisation"),
        "maintained": shown.maintained_components.all(),
        "page": contribution_page(request, known.filter(author=shown), Contribution.ORDERS["newest"]),
        "may_suspend": shown.may_be_suspended_by(request.user),
    }
    return answer_form(request, "person.html", form, context)


def _activity(request: HttpRequest, shown: Person) -> weeks.Chart:
    """What the person did by week, of what this reader may know of."""
    done = Event.objects.filter(actor=shown, verb__in=DID).visible_to(request.user)
    now = timezone.now()
    return weeks.drawn("Activity", DID, weeks.by_week(done, "at", "verb", now), now.date())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """One's own name, a few words about oneself, and the zone in which times are told."""
    own = person_of(request)
    given = {"name": own.name, "about": own.about, "time_zone": own.time_zone}
    form = ProfileForm(request.POST or None, initial=given)
    if request.method != "POST":
        return render(request, "profile.html", {"form": form})
    if carried_out(form, lambda: introducing.introduce(person=own, **form.cleaned_data)) is None:
        return answer_form(request, "profile.html", form, {})
    messages.success(request, "Saved.")
    return redirect("profile")


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
