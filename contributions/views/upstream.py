"""What became of a contribution upstream: saying it, and the patch with a header that says it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from contributions.actions import upstreaming
from contributions.errors import Missing
from contributions.forms.upstream import UpstreamForm
from contributions.models import Download
from contributions.models.heading import header_of
from contributions.patches import with_header

from .contribution import find, show_overview
from .entering import person_of, verb
from .files import GUARD
from .refusals import carried_out, status_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


@verb("contribution")
def place(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = UpstreamForm(request.POST)
    made = carried_out(
        form, lambda: upstreaming.place(person=person_of(request), contribution=contribution, **form.cleaned_data)
    )
    if made is None:
        refusal = getattr(form, "refusal", None)
        status = status_of(refusal) if refusal else 400
        return show_overview(request, find(request, number), upstream_form=form, status=status)
    messages.success(request, _("Its upstream status is set."))
    return redirect(contribution)


@require_safe
def patch(request: HttpRequest, number: int, revision: int) -> HttpResponseBase:
    """The mail series with the header of today; that without it stays the same for ever."""
    contribution = find(request, number)
    found = contribution.revisions.select_related("mbox").filter(number=revision).first()
    if found is None or found.mbox is None:
        raise Missing("There is no such revision, or it holds no patch.")
    content = with_header(found.mbox.read(), header_of(contribution, found))
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    response: HttpResponse | None = get_conditional_response(request, etag=etag, response=None)
    if response is None:
        response = HttpResponse(content, content_type="text/plain; charset=utf-8")
        response.headers["Content-Disposition"] = f'inline; filename="{number}-v{revision}.dep3.patch"'
        Download.objects.note(request.user, found.mbox)
    for name, value in {"ETag": etag, "Cache-Control": "no-cache", "Content-Security-Policy": GUARD}.items():
        response.headers[name] = value
    return response
