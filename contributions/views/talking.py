"""The discussion of a contribution: its threads, what is said in them, and the judging of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contributions.actions import answering, commenting
from contributions.actions.pacing import pace_looking
from contributions.errors import Missing, NotAllowed
from contributions.forms.voices import CommentForm, EditForm, VoteForm
from contributions.keeping import kept
from contributions.models import Comment, CommentVote, LineComment, Person
from contributions.models.talkers import names_for

from .contribution import find, framed
from .editions import editions
from .entering import person_of, verb
from .paging import address_of, page
from .refusals import answer_form, carried_out, patient, status_of_form
from .threads import Reader, threaded, votes_of, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from contributions.models import Contribution

THREADS = 100  # a page
MOST_COMMENTS = 1000  # on one page; the rest of a longer thread is a page further
OWN_QUERY = ("answer", "quote", "comment", "part")  # what an address says once, and no link of its page again
MOST_QUOTED = 4000  # characters
EDITS = 10  # a page
ORDERS = {"oldest": ("pk",), "best": ("-balance", "pk")}


@require_safe
@kept
def discussion(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if request.GET.get("part") == "form" and request.user.is_authenticated:
        form = _answer_form(request, contribution)
        return render(request, "contribution/_comment_form.html", {"form": form, "contribution": contribution})
    wanted = _number(request, "comment")
    if wanted and "page" not in request.GET and (elsewhere := _page_of(request, contribution, wanted)):
        return HttpResponseRedirect(f"{elsewhere}#comment-{wanted}")
    return show_discussion(request, contribution)


def show_discussion(
    request: HttpRequest,
    contribution: Contribution,
    form: CommentForm | None = None,
    *,
    status: int = 200,
    preview: str = "",
) -> HttpResponse:
    order = _order(request)
    threads = page(request, _tops(contribution), ORDERS[order], size=THREADS)
    said, more = _said(request, contribution, [top["pk"] for top in threads.rows])
    form = form or _answer_form(request, contribution)
    may_discuss = contribution.may_be_discussed_by(request.user)
    parts = {"form": form, "preview": preview, "may_discuss": may_discuss}
    beneath: dict[int, SafeString] = {}
    parent = form.answered
    if may_discuss and parent in {comment.pk for comment in said}:
        inline = render_to_string("contribution/_comment_form.html", {"contribution": contribution, **parts}, request)
        beneath = {parent: mark_safe(inline)}  # noqa: S308 - a template made it
    remarks = threaded(said, best_first=order == "best")
    reader = _reader(request, contribution, said, beneath, parent)
    context: dict[str, Any] = {
        "thread": written(remarks, reader) if remarks else "",
        "page": threads,
        "more": more,
        "order": order,
        "query": _query(request),
        "beneath": bool(beneath),
        **parts,
    }
    return render(
        request, "contribution/discussion.html", framed(request, contribution, "discussion", **context), status=status
    )


def _tops(contribution: Contribution) -> QuerySet[Any, Any]:
    return contribution.comments.filter(parent=None).values("pk", "balance")


def _order(request: HttpRequest) -> str:
    asked = request.GET.get("order", "")
    return asked if asked in ORDERS else "oldest"


def _page_of(request: HttpRequest, contribution: Contribution, comment: int) -> str:
    """The query string of the page that holds the comment's thread, if that is not the first page."""
    way = contribution.comments.way_to(comment).values("pk", "balance").first()
    return address_of(request, _tops(contribution), ORDERS[_order(request)], way, size=THREADS) if way else ""


def _said(request: HttpRequest, contribution: Contribution, tops: Sequence[int]) -> tuple[list[Comment], str]:
    """The comments of these threads, oldest first, and the address of the rest if they are too many for a page.

    Of such threads `?from=` names the comment to begin at; a comment that the address names is always shown.
    """
    rows = contribution.comments.in_threads_of(tops).oldest_first()
    rows = rows.annotate(
        author_name=F("author__name"),
        author_username=F("author__username"),
        organisation_name=F("organisation__name"),
        revision_number=F("revision__number"),
    )
    wanted = _number(request, "comment")
    said = list(rows.filter(pk__gte=_number(request, "from"))[: MOST_COMMENTS + 1])
    if len(said) > MOST_COMMENTS and wanted > said[MOST_COMMENTS - 1].pk:
        said = list(rows.filter(pk__gte=wanted)[: MOST_COMMENTS + 1])
    if len(said) <= MOST_COMMENTS:
        return said, ""
    return said[:MOST_COMMENTS], f"?{_query(request, 'from')}from={said[MOST_COMMENTS].pk}"


def _reader(
    request: HttpRequest,
    contribution: Contribution,
    said: Sequence[Comment],
    beneath: dict[int, SafeString],
    parent: int,
) -> Reader:
    person, keys = request.user, [comment.pk for comment in said]
    may_discuss = contribution.may_be_discussed_by(person)
    votes = CommentVote.objects.filter(comment__in=keys, person=person.pk) if person.pk else CommentVote.objects.none()
    open_at = _number(request, "comment") or parent
    way = contribution.comments.way_to(open_at).values_list("pk", flat=True) if open_at else ()
    return Reader(
        contribution=contribution,
        person=person,
        query=_query(request),
        token=get_token(request) if may_discuss else "",
        votes=dict(votes.values_list("comment", "value")),
        lines=_lines_of(keys),
        way=frozenset(way),
        form=beneath,
        may_settle=contribution.may_settle_answers(person),
    )


def _lines_of(comments: Sequence[int]) -> dict[int, list[LineComment]]:
    """The remarks on lines that were published with each comment."""
    found: dict[int, list[LineComment]] = {}
    for line in LineComment.objects.filter(round__in=comments, removed_at=None).order_by("pk"):
        found.setdefault(line.round_id or 0, []).append(line)
    return found


def _query(request: HttpRequest, *without: str) -> str:
    """What the address asks for, to be written in a link before something of its own."""
    query = request.GET.copy()
    for name in (*OWN_QUERY, *without):
        query.pop(name, None)
    return f"{query.urlencode()}&amp;" if query else ""


def _answer_form(request: HttpRequest, contribution: Contribution) -> CommentForm:
    """An empty form; the one for an answer when the address names what is answered, with its words when quoted."""
    quoted = _number(request, "quote")
    found = contribution.comments.standing().filter(pk=quoted or _number(request, "answer")).first()
    if found is None:
        return CommentForm(contribution=contribution)
    text = _quoted(found.text) if quoted else ""
    return CommentForm(contribution=contribution, initial={"parent": found.pk, "text": text})


def _quoted(text: str) -> str:
    lines = text[:MOST_QUOTED].split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"


@require_POST
def comment(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = CommentForm(request.POST, contribution=contribution)
    if not request.user.is_authenticated:
        return _kept_words(request, contribution)
    if "preview" in request.POST:
        return _previewed(request, contribution, form)
    made = carried_out(
        form, lambda: commenting.comment(author=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        return patient(form, show_discussion(request, contribution, form, status=status_of_form(form)))
    return redirect(made)


def _kept_words(request: HttpRequest, contribution: Contribution) -> HttpResponse:
    """What somebody typed whose log-in has ended meanwhile; the sign-in cannot carry it."""
    context = {"contribution": contribution, "text": request.POST.get("text", "")}
    return render(request, "signed_out.html", context, status=403)


def _previewed(request: HttpRequest, contribution: Contribution, form: CommentForm) -> HttpResponse:
    """The form as it was sent, with what it would become; with script, that alone."""
    html = carried_out(form, lambda: commenting.previewed(person=person_of(request), text=form.cleaned_data["text"]))
    if request.headers.get("HX-Request"):
        return _preview(request, form, html)
    status = 200 if html is not None else status_of_form(form)
    return patient(form, show_discussion(request, contribution, form, status=status, preview=html or ""))


def _preview(request: HttpRequest, form: CommentForm | EditForm, html: str | None) -> HttpResponse:
    return render(request, "_preview.html", {"html": html or "", "errors": form.errors if html is None else {}})


def _number(request: HttpRequest, name: str) -> int:
    """The key that the address names; 0 for none."""
    word = request.GET.get(name, "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0  # noqa: PLR2004 - fits a bigint


def _comment(request: HttpRequest, number: int) -> Comment:
    found = Comment.objects.select_related("contribution__component", "parent").filter(pk=number).first()
    if found is None:
        raise Missing("There is no such comment.")
    find(request, found.contribution_id)
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def comment_edit(request: HttpRequest, number: int) -> HttpResponse:
    found = _comment(request, number)
    if not found.may_be_edited_by(request.user):
        raise NotAllowed("Only its author can edit a comment.")
    if request.method != "POST":
        form = EditForm(initial={"text": found.text, "is_question": found.is_question})
        return render(request, "comment_edit.html", {"comment": found, "form": form})
    form = EditForm(request.POST)
    if "preview" in request.POST:
        html = carried_out(
            form, lambda: commenting.previewed(person=person_of(request), text=form.cleaned_data["text"])
        )
        if request.headers.get("HX-Request"):
            return _preview(request, form, html)
        status = 200 if html is not None else status_of_form(form)
        context = {"comment": found, "form": form, "preview": html or ""}
        return patient(form, render(request, "comment_edit.html", context, status=status))
    made = carried_out(form, lambda: _edited(request, found, form))
    if made is None:
        return answer_form(request, "comment_edit.html", form, {"comment": found})
    return redirect(made)


def _edited(request: HttpRequest, comment: Comment, form: EditForm) -> Comment:
    given = form.cleaned_data
    asks = given["is_question"] if comment.parent_id is None else None
    return commenting.edit_comment(person=person_of(request), comment=comment, text=given["text"], is_question=asks)


@require_safe
def comment_history(request: HttpRequest, number: int) -> HttpResponse:
    found = _comment(request, number)
    if found.removed_at is not None:
        raise Missing("The comment was removed, and what it said before with it.")
    edits = page(request, found.edits.all(), ("-pk",), size=EDITS)
    context = {"comment": found, "page": edits, "editions": editions(found, edits.rows)}
    return render(request, "comment_history.html", context)


@verb("comment-edit")
def comment_remove(request: HttpRequest, number: int) -> HttpResponse:
    found = _comment(request, number)
    commenting.remove_comment(person=person_of(request), comment=found, reason=request.POST.get("reason", ""))
    return redirect(found)


@verb("comment-history")
def comment_vote(request: HttpRequest, number: int) -> HttpResponse:
    found = _comment(request, number)
    form = VoteForm(request.POST)
    form.full_clean()
    value = form.cleaned_data.get("value", "")
    voted = answering.vote_on_comment(person=person_of(request), comment=found, value=value)
    if request.headers.get("HX-Request"):
        return HttpResponse(votes_of(voted, value, may_vote=True))
    return redirect(voted)


@verb("comment-history")
def comment_accept(request: HttpRequest, number: int) -> HttpResponse:
    return redirect(answering.accept_answer(person=person_of(request), comment=_comment(request, number)))


@verb("comment-history")
def comment_take_back(request: HttpRequest, number: int) -> HttpResponse:
    return redirect(answering.take_back_answer(person=person_of(request), comment=_comment(request, number)))


@require_safe
def names(request: HttpRequest) -> HttpResponse:
    """Who may be meant by the letters behind an @: for the script that completes them."""
    if not isinstance(request.user, Person):
        raise NotAllowed("Sign in first.")
    pace_looking(request.user, "asked for names", most=120)
    number = _number(request, "contribution")
    contribution = find(request, number) if number else None
    found = names_for(request.GET.get("q", ""), contribution)
    return JsonResponse({"people": [{"username": username, "name": name} for username, name in found]})
