"""Remarks on lines: their list, the pages of one thread, and what people do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import remarking, taking_in
from contributions.actions.remarking import Place
from contributions.errors import Invalid, Missing, NotAllowed
from contributions.forms.remarks import AnswerForm, RemarkEditForm, RemarkForm, RoundForm
from contributions.keeping import kept
from contributions.models import LineComment, LineCommentEdit, Review, Revision
from contributions.models.whereabouts import file_named, stands, text_of

from .contribution import find, framed
from .entering import person_of, verb
from .line_threads import Thread, gathered
from .paging import page
from .refusals import answer_form, carried_out, status_of
from .verbs import back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Contribution

SHOWS = ("open", "all")
LONG = ("files", "commits", "fingerprints")
LONGEST_KEY = 18  # digits; no key of a row has more
AROUND = 3  # lines shown above and below those that are remarked on


@require_safe
@kept
def remarks(request: HttpRequest, number: int) -> HttpResponse:
    """The threads of a contribution, newest first: the open ones, or all."""
    contribution = find(request, number)
    show = request.GET.get("show", "open")
    if show not in SHOWS:
        raise Invalid("Show is open or all.")
    rows = contribution.line_comments.visible_to(request.user).threads()
    listed = page(request, rows.unresolved() if show == "open" else rows, ("-pk",))
    threads = _threads(contribution, [row.pk for row in listed.rows], request.user)
    context = {"show": show, "page": listed, "threads": threads[::-1], "shown_revision": contribution.current}
    context["may_take"] = any(thread.may_take for thread in threads)
    return render(request, "remarks/list.html", framed(request, contribution, "remarks", **context))


def _threads(contribution: Contribution, keys: Sequence[int], person: Any) -> list[Thread]:
    """Whole threads by the keys of the remarks that began them, each with where it stands in the current revision."""
    rows = contribution.line_comments.visible_to(person).with_names().order_by("pk")
    roots, answers = rows.filter(pk__in=keys), rows.filter(parent__in=keys)
    threads = gathered([*roots, *answers], contribution, person)
    if contribution.current_id:
        current = Revision.objects.select_related("sides", "diff").get(pk=contribution.current_id)
        found = stands([thread.root for thread in threads], current)
        for thread in threads:
            thread.stand = found[thread.root.pk]
    return threads


@require_safe
@kept
def remark(request: HttpRequest, number: int) -> HttpResponse:
    """One thread with the lines that it is about."""
    return _show(request, _found(request, number).thread_id)


def _show(request: HttpRequest, key: int, *, form: BaseForm | None = None, status: int = 200) -> HttpResponse:
    """The thread's page; for htmx the thread alone, and the bar of drafts."""
    root = _found(request, key)
    (thread,) = _threads(root.contribution, [root.pk], request.user)
    edits = LineCommentEdit.objects.filter(line_comment__in=[one.remark.pk for one in thread.said])
    context: dict[str, Any] = {"thread": thread, "answer_form": form, "shown_revision": root.contribution.current}
    context["edits"] = edits.select_related("line_comment__author")
    context = framed(request, root.contribution, "remarks", **context)
    fragment = "remarks/_swap.html" if request.headers.get("HX-Request") else "remarks/remark.html"
    return render(request, fragment, context, status=status)


def _found(request: HttpRequest, number: int) -> LineComment:
    """The remark, if this person may know of it and of its contribution; raises Missing."""
    found = LineComment.objects.visible_to(request.user).select_related("revision", "parent").filter(pk=number).first()
    if found is None:
        raise Missing("There is no such remark.")
    found.contribution = find(request, found.contribution_id)
    if found.parent is not None:
        found.parent.contribution = found.contribution
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remark_new(request: HttpRequest, number: int) -> HttpResponse:
    """The form for some lines: a page of its own, or in its place below them."""
    contribution = find(request, number)
    form = RemarkForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid() and request.method != "POST":
        raise Invalid("A remark is on a file of a revision: begin at its changes.")
    revision = _revision(contribution, form.cleaned_data.get("revision"))
    given = {"path": "", "suggests": False, **form.cleaned_data}  # a refusal takes out what it is about
    made = None
    if request.method == "POST":
        made = carried_out(form, lambda: _remarked(request, contribution, revision, form.cleaned_data))
    if made is None:
        return _form(request, revision, form, given)
    if request.headers.get("HX-Request"):
        return _show(request, made.pk)
    messages.success(request, "Your draft is kept." if made.is_draft else "Your remark is published.")
    return back(request, reverse("remark", args=[made.pk]))


def _revision(contribution: Contribution, number: int | None) -> Revision:
    rows = contribution.revisions.select_related("sides", "diff")
    found: Revision | None = rows.filter(number=number, state=Revision.State.RECEIVED).first()
    if found is None:
        raise Missing("This contribution has no received revision of that number.")
    return found


def _remarked(
    request: HttpRequest, contribution: Contribution, revision: Revision, given: dict[str, Any]
) -> LineComment:
    place = Place(revision, given["path"], given["side"], given["start"], given["end"])
    return remarking.remark(
        author=person_of(request),
        contribution=contribution,
        place=place,
        text=given["text"],
        suggestion=given["suggestion"] if given["suggests"] else None,
        at_once=request.POST.get("act") == "now",
    )


def _form(request: HttpRequest, revision: Revision, form: RemarkForm, given: dict[str, Any]) -> HttpResponse:
    index = file_named(revision, given["path"])
    if index is None:
        raise Missing(f"{revision.label} does not touch a file of this name.")
    lines = _lines(revision, index, given)
    context = {
        "form": form,
        "lines": lines,
        "quoted": "\n".join(text for number, text in lines if given["start"] <= number <= given["end"]),
        "may_suggest": bool(given["start"]) and given["side"] == LineComment.Side.NEW,
        "revision": revision,
        "given": given,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "suggestion_rows": min(20, given["end"] - given["start"] + 2),
    }
    context = framed(request, find(request, revision.contribution_id), "remarks", **context)
    template = "remarks/_form.html" if request.headers.get("HX-Request") else "remarks/new.html"
    refusal = getattr(form, "refusal", None)
    status = 200 if request.method != "POST" else status_of(refusal) if refusal else 400
    return render(request, template, context, status=status)


def _lines(revision: Revision, index: int, given: dict[str, Any]) -> list[tuple[int, str]]:
    """The lines that are remarked on, with some around them."""
    start, end = given["start"], given["end"]
    if not 0 < start <= end < start + remarking.MOST_LINES:
        return []
    text = text_of(revision, index, given["side"])
    return [(number, text[number]) for number in range(start - AROUND, end + AROUND + 1) if number in text]


@verb("remark")
def remark_answer(request: HttpRequest, number: int) -> HttpResponse:
    root = _found(request, number)
    form = AnswerForm(request.POST)
    at_once = request.POST.get("act") != "draft"
    made = carried_out(
        form,
        lambda: remarking.answer(author=person_of(request), thread=root, at_once=at_once, **form.cleaned_data),
    )
    if made is None:
        refusal = getattr(form, "refusal", None)
        return _show(request, root.thread_id, form=form, status=status_of(refusal) if refusal else 400)
    return _after(request, made)


@verb("remark")
def remark_resolve(request: HttpRequest, number: int) -> HttpResponse:
    return _after(request, remarking.resolve(person=person_of(request), thread=_found(request, number)))


@verb("remark")
def remark_reopen(request: HttpRequest, number: int) -> HttpResponse:
    return _after(request, remarking.reopen(person=person_of(request), thread=_found(request, number)))


def _after(request: HttpRequest, done: LineComment) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _show(request, done.thread_id)
    return back(request, done.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remark_edit(request: HttpRequest, number: int) -> HttpResponse:
    found = _found(request, number)
    if not found.may_be_edited_by(request.user):
        raise NotAllowed("Only its author can edit a remark.")
    context: dict[str, object] = {"remark": found, "contribution": found.contribution}
    context["may_suggest"] = found.suggests and found.is_draft
    if request.method != "POST":
        form = RemarkEditForm(initial={"text": found.text, "suggestion": found.suggestion})
        return render(request, "remarks/edit.html", {"form": form, **context})
    form = RemarkEditForm(request.POST)
    made = carried_out(form, lambda: _edited(request, found, form.cleaned_data))
    if made is None:
        return answer_form(request, "remarks/edit.html", form, context)
    return redirect(made)


def _edited(request: HttpRequest, found: LineComment, given: dict[str, Any]) -> LineComment:
    suggestion = given["suggestion"] if "suggestion" in request.POST else None
    return remarking.edit_remark(person=person_of(request), remark=found, text=given["text"], suggestion=suggestion)


@verb("remark")
def remark_remove(request: HttpRequest, number: int) -> HttpResponse:
    found = _found(request, number)
    remarking.remove_remark(person=person_of(request), remark=found, reason=request.POST.get("reason", ""))
    if found.is_draft:
        messages.success(request, "The draft is gone.")
        home = reverse("contribution-remarks", args=[found.contribution_id])
        return back(request, found.parent.get_absolute_url() if found.parent else home)
    return back(request, found.get_absolute_url())


@verb("contribution-remarks")
@sensitive(when=lambda request: request.POST.get("verdict") == Review.Verdict.APPROVE)
def remarks_publish(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = RoundForm(request.POST)
    made = carried_out(
        form, lambda: remarking.publish(author=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        refusal = getattr(form, "refusal", None)
        context = framed(request, find(request, number), "remarks", round_form=form)
        return render(request, "remarks/publish.html", context, status=status_of(refusal) if refusal else 400)
    messages.success(request, "Your remarks are published.")
    return redirect(made)


@verb("contribution-remarks")
def remarks_discard(request: HttpRequest, number: int) -> HttpResponse:
    count = remarking.discard(person=person_of(request), contribution=find(request, number))
    messages.success(request, f"{count} draft{'s are' if count != 1 else ' is'} gone.")
    return back(request, reverse("contribution-remarks", args=[number]))


@verb("contribution-remarks")
def remarks_take(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    words = request.POST.getlist("suggestions")
    keys = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < LONGEST_KEY]
    made = taking_in.take_in(person=person_of(request), contribution=contribution, suggestions=keys)
    messages.success(request, f"{made.label} is being made of what was suggested.")
    return redirect(contribution)
