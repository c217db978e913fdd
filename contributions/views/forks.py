"""Forks: given to be taken apart, watched while they are, and gone through patch by patch. Members alone see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import trying_again, unmasking
from contributions.errors import Invalid, Missing
from contributions.forms.forking import STATES, ChosenForm, ForkForm, TitleForm
from contributions.models import Carried, Fork, Revision
from contributions.models.work import QUEUED, RUNNING

from .entering import person_of, verb
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest, HttpResponse

PATCHES = 50  # a page; all of them may be chosen at once
UNKNOWN = "There is no such fork, or you may not know of it."


def find(request: HttpRequest, number: int) -> Fork:
    """The fork, if this person belongs to those it is for; raises Missing."""
    rows = Fork.objects.visible_to(request.user).select_related("component", "organisation", "author", "release")
    found: Fork | None = rows.filter(pk=number).first()
    if found is None:
        raise Missing(UNKNOWN)
    return found


@login_required
@require_safe
def forks(request: HttpRequest) -> HttpResponse:
    rows = Fork.objects.visible_to(request.user).select_related("component", "organisation", "author", "release")
    return render(request, "forks.html", {"page": page(request, rows, ("-pk",))})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fork_new(request: HttpRequest) -> HttpResponse:
    context: dict[str, object] = {"most": settings.MAX_FORK_BYTES, "organisation": person_of(request).organisation}
    if request.method != "POST":
        form = ForkForm(initial={"component": request.GET.get("component", "")})
        return render(request, "fork/new.html", {"form": form} | context)
    form = ForkForm(request.POST, request.FILES)
    made = carried_out(form, lambda: _given(request, form))
    if made is None:
        return answer_form(request, "fork/new.html", form, context)
    return redirect(made)


def _given(request: HttpRequest, form: ForkForm) -> Fork:
    return unmasking.unmask(person=person_of(request), **form.cleaned_data)


@login_required
@require_safe
def fork(request: HttpRequest, number: int) -> HttpResponse:
    found = find(request, number)
    return render(request, "fork/fork.html", _shown(request, found))


def _shown(request: HttpRequest, found: Fork) -> dict[str, Any]:
    state = request.GET.get("state", "")
    if state and state not in Carried.State.values:
        raise Invalid("There is no such state of a patch.")
    counts = found.counts()
    rows = found.carried.with_receipt().select_related("contribution__current").defer(
        "description", "contribution__description", "contribution__description_html",
        "contribution__current__files", "contribution__current__commits", "contribution__current__fingerprints",
    )  # fmt: skip
    receiving = Revision.objects.filter(contribution__carried__fork=found, state__in=[QUEUED, RUNNING]).count()
    asked = found.carried.exclude(asked_at=None).count()
    drafts = found.carried.filter(state=Carried.State.DRAFTED, contribution__is_draft=True, asked_at=None)
    return {
        "fork": found,
        "state": state,
        "tabs": [(word, label, sum(counts.values()) if not word else counts[word]) for word, label in STATES],
        "page": page(request, rows.filter(state=state) if state else rows, ("position",), size=PATCHES),
        "receiving": receiving,
        "asked": asked,
        "drafts": drafts.exclude(contribution__current=None).count(),
        "moving": found.is_moving or bool(receiving) or bool(asked),
        "may_cancel": found.may_be_cancelled_by(request.user),
        "may_try_again": found.is_kept_by(request.user),
        "may_discard": found.may_be_discarded_by(request.user),
        "may_publish": found.may_be_published_by(request.user) and not found.is_moving,
    }


@verb("fork")
def fork_cancel(request: HttpRequest, number: int) -> HttpResponse:
    cancelled = unmasking.cancel(person=person_of(request), fork=find(request, number))
    messages.success(request, "It is not taken apart any further.")
    return redirect(cancelled)


@verb("fork")
def fork_try_again(request: HttpRequest, number: int) -> HttpResponse:
    found = find(request, number)
    trying_again.try_fork_again(person=person_of(request), fork=found)
    return redirect(found)


@verb("fork")
def fork_publish(request: HttpRequest, number: int) -> HttpResponse:
    found = find(request, number)
    form = ChosenForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose patches of this fork.")
    chosen = None if form.cleaned_data["all"] else form.cleaned_data["patch"]
    if chosen == []:
        raise Invalid("Choose at least one draft, or publish all of them.")
    asked = unmasking.publish(person=person_of(request), fork=found, positions=chosen)
    messages.success(request, f"Being made public, one by one: {asked}.")
    return redirect(found)


@verb("fork")
def fork_discard(request: HttpRequest, number: int) -> HttpResponse:
    discarded = unmasking.discard(person=person_of(request), fork=find(request, number))
    messages.success(request, "Nothing of it is kept but what you published.")
    return redirect(discarded)


@verb("fork", by="number")
def carried_title(request: HttpRequest, number: int, position: int) -> HttpResponse:
    form = TitleForm(request.POST)
    if not form.is_valid():
        raise Invalid("A title is one line of at most 200 letters.", field="title")
    changed = unmasking.retitle(
        person=person_of(request), carried=_patch(request, number, position), title=form.cleaned_data["title"]
    )
    messages.success(request, "It has another title.")
    return redirect(f"{changed.fork.get_absolute_url()}#patch-{position}")


@verb("fork", by="number")
def carried_leave_out(request: HttpRequest, number: int, position: int) -> HttpResponse:
    left = unmasking.leave_out(person=person_of(request), carried=_patch(request, number, position))
    messages.success(request, "Left out.")
    return redirect(f"{left.fork.get_absolute_url()}#patch-{position}")


@verb("fork", by="number")
def carried_draft(request: HttpRequest, number: int, position: int) -> HttpResponse:
    drafted = unmasking.draft_all_the_same(person=person_of(request), carried=_patch(request, number, position))
    messages.success(request, "Drafted.")
    return redirect(f"{drafted.fork.get_absolute_url()}#patch-{position}")


def _patch(request: HttpRequest, number: int, position: int) -> Carried:
    found = find(request, number)
    row = found.carried.filter(position=position).select_related("fork__component", "contribution").first()
    if row is None:
        raise Missing("The fork has no such patch.")
    return row
