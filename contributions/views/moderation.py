"""Abuse: flagging it, what became of one's flags, the staff's queue, and the public log of what staff did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import flagging, moderating
from contributions.errors import Missing, NotAllowed
from contributions.forms.moderation import DecisionForm, FlagForm
from contributions.forms.voices import ReasonForm
from contributions.models import Comment, Event, Flag, LineComment, Person

from .contribution import find
from .entering import person_of, verb
from .paging import Page, page
from .people import show_person
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models.moderation import Thing

SHOWN = 50  # flags on one thing; a thing that more people flagged is no better understood by reading all


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def flag_contribution(request: HttpRequest, number: int) -> HttpResponse:
    return _flag(request, find(request, number))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def flag_comment(request: HttpRequest, number: int) -> HttpResponse:
    found = Comment.objects.standing().select_related("contribution", "author").filter(pk=number).first()
    if found is None:
        raise Missing("There is no such comment.")
    find(request, found.contribution_id)
    return _flag(request, found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def flag_remark(request: HttpRequest, number: int) -> HttpResponse:
    said = LineComment.objects.published().standing()
    found = said.select_related("contribution", "author").filter(pk=number).first()
    if found is None:
        raise Missing("There is no such remark.")
    find(request, found.contribution_id)
    return _flag(request, found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def flag_person(request: HttpRequest, username: str) -> HttpResponse:
    found = Person.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise Missing("There is no account of that name.")
    return _flag(request, found)


def _flag(request: HttpRequest, thing: Thing) -> HttpResponse:
    form = FlagForm(request.POST or None)
    context: dict[str, object] = {"thing": thing, "noun": thing._meta.verbose_name}
    if request.method != "POST":
        return render(request, "flag_new.html", {"form": form, **context})
    made = carried_out(form, lambda: flagging.flag(reporter=person_of(request), thing=thing, **form.cleaned_data))
    if made is None:
        return answer_form(request, "flag_new.html", form, context)
    messages.success(request, "The staff will look at it. Here you will read what became of it.")
    return redirect("flags")


@login_required
@require_safe
def flags(request: HttpRequest) -> HttpResponse:
    """One's own, with what became of each."""
    mine = Flag.objects.filter(reporter=person_of(request)).with_names()
    return render(request, "flags.html", {"page": page(request, mine, ("-pk",))})


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The things flagged: the worst reason first, and of these the one that waits longest."""
    if not person_of(request).is_staff:
        raise NotAllowed("Only staff decide flags.")
    found = page(request, Flag.objects.open().by_thing(), ("severity", "first"))
    first = Flag.objects.with_names().in_bulk([row["first"] for row in found.rows])
    rows = [{**row, "flag": first[row["first"]]} for row in found.rows]
    return render(request, "moderation/queue.html", {"page": Page(rows, found.older, found.newer)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive()
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """One thing with all that was said against it, and the staff's decision."""
    if not person_of(request).is_staff:
        raise NotAllowed("Only staff decide flags.")
    found = Flag.objects.with_names().filter(pk=number).first()
    if found is None:
        raise Missing("There is no flag of that number.")
    form = DecisionForm(request.POST or None, flag=found)
    if request.method == "POST":
        act = lambda: moderating.handle(moderator=person_of(request), flag=found, **form.cleaned_data)  # noqa: E731
        if carried_out(form, act):
            messages.success(request, "Decided, and told to those who flagged it.")
            return redirect("moderation")
    alike = Flag.objects.about(found)
    context: dict[str, object] = {
        "flag": found,
        "said": found.comment or found.remark,
        "flags": alike.with_names().order_by("-pk")[:SHOWN],
        "is_open": alike.open().exists(),
    }
    return answer_form(request, "moderation/decide.html", form, context)


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """What staff did to what others wrote, for everybody to read; who flagged it is not told."""
    done = Event.objects.of_moderation().select_related("actor", "subject")
    return render(request, "moderation/log.html", {"page": page(request, done, ("-pk",))})


def _account(username: str) -> Person:
    found = Person.objects.filter(username=username).first()
    if found is None:
        raise Missing("There is no account of that name.")
    return found


@verb("person")
@sensitive()
def suspend(request: HttpRequest, username: str) -> HttpResponse:
    account = _account(username)
    form = ReasonForm(request.POST)
    made = carried_out(
        form, lambda: moderating.suspend(person=person_of(request), account=account, **form.cleaned_data)
    )
    return redirect(account) if made else show_person(request, account, form)


@verb("person")
@sensitive()
def reinstate(request: HttpRequest, username: str) -> HttpResponse:
    account = _account(username)
    form = ReasonForm(request.POST)
    made = carried_out(
        form, lambda: moderating.reinstate(person=person_of(request), account=account, **form.cleaned_data)
    )
    return redirect(account) if made else show_person(request, account, form)
