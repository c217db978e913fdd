"""What somebody is told by mail, leaving that mail with one press, and what an organisation has fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import subscribing
from contributions.errors import Missing, NotAllowed
from contributions.forms.following import NoticesForm
from contributions.models import Artifact, Organisation, Publication, Revision

from .entering import person_of
from .paging import Page, page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Person


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = NoticesForm(request.POST or None, person=person)
    if request.method != "POST":
        return render(request, "notices.html", {"form": form})
    if carried_out(form, lambda: _chosen(person, form)) is None:
        return answer_form(request, "notices.html", form, {})
    messages.success(request, "Noted.")
    return redirect("notices")


def _chosen(person: Person, form: NoticesForm) -> Person:
    with transaction.atomic():
        subscribing.choose_mail(person=person, recall_mail=form.cleaned_data["recall_mail"])
        return subscribing.choose_rules(person=person, rules=form.rules())


@csrf_exempt  # a mail program presses the button (RFC 8058); the link itself is the secret
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Looking at the link does nothing, so that no scanner of mail unsubscribes anybody."""
    person = subscribing.unsubscribe(token=token) if request.method == "POST" else subscribing.holder_of(token)
    return render(request, "unsubscribe.html", {"person": person, "is_done": request.method == "POST"})


@login_required
@require_safe
def downloads(request: HttpRequest, slug: str) -> HttpResponse:
    organisation = Organisation.objects.filter(slug=slug).first()
    if organisation is None:
        raise Missing("There is no such organisation.")
    if not organisation.memberships.filter(person=person_of(request)).exists():
        raise NotAllowed("Only members see what their organisation fetched.")
    found = page(request, organisation.downloads.select_related("blob", "person"), ("-pk",))
    return render(request, "downloads.html", {"organisation": organisation, "page": _named(found)})


def _named(found: Page) -> Page:
    """The rows with what their bytes are called, and what became of it; three queries for all of them."""
    keys = [row.blob_id for row in found.rows]
    names: dict[str, Any] = {}
    for revision in Revision.objects.filter(mbox__in=keys).only("mbox", "contribution", "number"):
        names[str(revision.mbox_id)] = {"name": f"{revision}.patch", "url": revision.get_absolute_url()}
    for artifact in Artifact.objects.filter(blob__in=keys).only("blob", "name"):
        names[artifact.blob_id] = {"name": artifact.name.rpartition("/")[2], "url": ""}
    of_build = Publication.objects.filter(build__artifacts__blob__in=keys).order_by("pk")
    for key, pk, state in of_build.values_list("build__artifacts__blob", "pk", "state"):
        names[str(key)] |= {"url": reverse("publication", args=[pk]), "state": state}
    for row in found.rows:
        row.told = names.get(row.blob_id, {"name": row.blob_id[:12]})
    return found
