"""The history for everybody to read: who did what to which thing, narrowed, page by page or as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Invalid
from contributions.forms.auditing import AuditForm
from contributions.models import Event, Seal
from contributions.spreadsheets import MEDIA_TYPE, written

from .paging import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models.event import EventQuerySet

SIZE = 50  # lines a page
COLUMNS = {
    "id": "id",
    "at": "at",
    "verb": "verb",
    "actor": "actor__username",
    "component": "component__slug",
    "contribution": "contribution_id",
    "revision": "revision__number",
    "release": "release__name",
    "build": "build_id",
    "publication": "publication_id",
    "organisation": "organisation__slug",
    "subject": "subject__username",
    "text": "text",
}
AT_ONCE = 2000  # rows that are held while a table is written
NAMES = ("actor", "component", "contribution", "revision", "release__component", "organisation", "subject")


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    form = AuditForm(request.GET)
    found = _lines(request, form)
    rows = found.select_related(*NAMES).defer("revision__files", "revision__commits", "revision__fingerprints")
    context = {
        "form": form,
        "page": page(request, rows, ("-pk",), size=SIZE),
        "seal": Seal.objects.defer("lines").first(),
        "query": request.GET.urlencode(),
    }
    return render(request, "audit.html", context)


@require_safe
def table(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same lines as CSV, oldest first, however many they are."""
    found = _lines(request, AuditForm(request.GET)).order_by("pk").values_list(*COLUMNS.values())
    lines = written(list(COLUMNS), found.iterator(chunk_size=AT_ONCE))
    answer = StreamingHttpResponse(lines, content_type=MEDIA_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="history.csv"'
    return answer


def _lines(request: HttpRequest, form: AuditForm) -> EventQuerySet:
    if not form.is_valid():
        name, sentences = next(iter(form.errors.items()))
        raise Invalid(f"{form[name].label}: {sentences[0]}", field=name)
    found: EventQuerySet = Event.objects.visible_to(request.user).about(**form.asked())
    return found
