"""What somebody was told: unread first, gathered by contribution, marked as read by opening it or all at once."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import subscribing
from contributions.errors import Invalid
from contributions.models import Notification
from contributions.models.news import About
from contributions.pipeline.wording import place_of, sentence_of

from .entering import person_of, verb
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

SIZE = 50  # lines a page
MOST_MARKED = 200


@never_cache
@login_required
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    person, shows_all = person_of(request), request.GET.get("show") == "all"
    rows = Notification.objects.seen_by(person).with_names()
    found = page(request, rows if shows_all else rows.unread(), ("-pk",), size=SIZE)
    context = {"page": found, "groups": gathered(found.rows), "shows_all": shows_all}
    return render(request, "notifications.html", context)


def gathered(lines: Sequence[Notification]) -> list[dict[str, Any]]:
    """The lines by contribution, in the order of the newest line of each."""
    order: dict[int | None, int] = {}
    for line in lines:
        order.setdefault(line.contribution_id, len(order))
    of = sorted(lines, key=lambda line: order[line.contribution_id])
    groups = []
    for _, group in groupby(of, key=lambda line: line.contribution_id):
        members = [{"row": line, "sentence": sentence_of(line.event)} for line in group]
        unread = sum(member["row"].read_at is None for member in members)  # type: ignore[attr-defined]
        groups.append({"contribution": members[0]["row"].contribution, "lines": members, "unread": unread})  # type: ignore[attr-defined]
    return groups


@never_cache
@login_required
@require_safe
def notification(request: HttpRequest, number: int) -> HttpResponse:
    """To where it is read. Only whose notification it is gets there, and to have read it again changes nothing."""
    found = subscribing.open_notification(person=person_of(request), number=number)
    return HttpResponseRedirect(place_of(found.event))


@verb("notifications", of_the_same=False)
def notifications_read(request: HttpRequest) -> HttpResponse:
    """The lines that the form names; what came since the page was made stays unread."""
    words = request.POST.getlist("line")[:MOST_MARKED]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise Invalid("A notification is named by its number.")
    subscribing.mark_read(person=person_of(request), keys=[int(word) for word in words])
    return redirect("notifications")


@verb("notifications", of_the_same=False)
def notifications_read_all(request: HttpRequest) -> HttpResponse:
    subscribing.mark_read(person=person_of(request))
    messages.success(request, "All is marked as read.")
    return redirect("notifications")


@csrf_exempt  # a mail program presses the button (RFC 8058); the link itself is the secret
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Looking at the link does nothing, so that no scanner of mail ends anything."""
    is_done = request.method == "POST"
    person, abouts, contribution = (subscribing.stop if is_done else subscribing.meant_by_link)(token=token)
    labels = [About(about).label for about in abouts]
    context = {"person": person, "labels": labels, "contribution": contribution, "is_done": is_done}
    return render(request, "news_stop.html", context)
