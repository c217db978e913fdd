"""What people do to a contribution. Each verb is a form that is posted, one action, and a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from contributions.accounts.freshness import sensitive
from contributions.actions import rebuilding, reporting, reviewing, voting, withdrawing
from contributions.errors import Missing
from contributions.forms.voices import ReasonForm, ReportForm, ReviewForm, VoteForm
from contributions.models import Release, Review, Revision
from contributions.plaintext import clean

from .contribution import find, show_overview
from .entering import person_of, verb
from .evidence import show_evidence
from .refusals import carried_out, patient, status_of_form

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def back(request: HttpRequest, contribution_url: str) -> HttpResponse:
    """To the page of this site that the form names, else to the contribution."""
    wanted = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(wanted if here and wanted.startswith("/") else contribution_url)


@verb("contribution")
def vote(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = VoteForm(request.POST)
    form.full_clean()
    value = form.cleaned_data.get("value", "")
    voting.vote(person=person_of(request), contribution=contribution, value=value)
    if request.headers.get("HX-Request"):
        context = {"contribution": contribution, "my_vote": value or None, "may_vote": True}
        return render(request, "contribution/_vote.html", context)
    return back(request, contribution.get_absolute_url())


@verb("contribution-evidence")
def report(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = ReportForm(request.POST, contribution=contribution)
    made = carried_out(
        form, lambda: reporting.report(author=person_of(request), contribution=contribution, **form.said)
    )
    if made is None:
        return patient(form, show_evidence(request, contribution, form, status_of_form(form)))
    messages.success(request, f"Your report for {made.who} on {made.release.name} counts from now on.")
    return redirect("contribution-evidence", number)


@verb("contribution")
@sensitive(when=lambda request: request.POST.get("verdict") == Review.Verdict.APPROVE)
def review(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = ReviewForm(request.POST)
    made = carried_out(
        form, lambda: reviewing.review(reviewer=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        contribution = find(request, number)
        return patient(form, show_overview(request, contribution, review_form=form, status=status_of_form(form)))
    messages.success(request, f"Your verdict on v{form.cleaned_data['revision']} is recorded.")
    return redirect(contribution)


@verb("contribution")
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = ReasonForm(request.POST)
    made = carried_out(
        form, lambda: withdrawing.withdraw(person=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        return patient(form, show_overview(request, contribution, reason_form=form, status=status_of_form(form)))
    messages.success(request, "It is withdrawn, and its builds are out of the feed.")
    return redirect(contribution)


@verb("contribution-matrix")
def build_again(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    revision = Revision.objects.filter(contribution=contribution, number=_number(request, "revision")).first()
    slug = clean(request.POST.get("release", ""))
    release = Release.objects.filter(component=contribution.component_id, slug=slug).first()
    if revision is None or release is None:
        raise Missing("There is no such revision or release to build.")
    build = rebuilding.build_again(person=person_of(request), revision=revision, release=release)
    return redirect(build)


def _number(request: HttpRequest, name: str) -> int:
    word = request.POST.get(name, "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0  # noqa: PLR2004 - fits an integer
