"""What was approved and built: the list, one publication with its install line, and taking it back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.actions import withdrawing
from contributions.errors import Missing
from contributions.forms.voices import ReasonForm
from contributions.keeping import kept
from contributions.models import Advisory, Publication
from contributions.models.hearing import hearers_of_publication
from contributions.models.index import targets_of

from .entering import person_of, verb
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from contributions.models import Artifact

WHEEL = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.!+]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


def find(request: HttpRequest, number: int) -> Publication:
    rows = Publication.objects.visible_to(request.user).with_names()
    rows = rows.select_related("withdrawn_by", "build__attestation__key")
    found = rows.defer("revision__files", "revision__commits", "revision__fingerprints").filter(pk=number).first()
    if found is None:
        raise Missing("There is no publication of that number.")
    return found


def requirement(artifacts: Iterable[Artifact]) -> str:
    """What pip is asked for to get the first wheel among them, such as `python-swiftclient==4.7.0+patchbay.3`."""
    for artifact in artifacts:
        wheel = WHEEL.fullmatch(artifact.name.rpartition("/")[2])
        if wheel:
            return f"{wheel['name'].replace('_', '-').lower()}=={wheel['version']}"
    return ""


@require_safe
@kept
def publications(request: HttpRequest) -> HttpResponse:
    rows = (
        Publication.objects.visible_to(request.user)
        .with_names()
        .defer("revision__files", "revision__commits", "revision__fingerprints")
    )
    return render(request, "publications.html", {"page": page(request, rows, ("-pk",))})


@require_safe
@kept
def publication(request: HttpRequest, number: int) -> HttpResponse:
    return render(request, "publication.html", _shown(request, find(request, number), ReasonForm()))


def _shown(request: HttpRequest, found: Publication, form: ReasonForm) -> dict[str, object]:
    may_withdraw = found.may_be_withdrawn_by(request.user)
    artifacts = list((found.build or found.revision).artifacts.select_related("blob"))
    return {
        "publication": found,
        "contribution": found.revision.contribution,
        "artifacts": artifacts,
        "targets": list(targets_of(found)) if found.is_live else [],
        "requirement": requirement(artifacts),
        "index": request.build_absolute_uri(reverse("simple-index", args=[found.release.slug])),
        "advisories": Advisory.objects.standing().filter(affected=found.revision_id),
        "may_withdraw": may_withdraw,
        "hearers": hearers_of_publication(found).count() if may_withdraw else None,
        "form": form,
    }


@verb("publication")
def publication_withdraw(request: HttpRequest, number: int) -> HttpResponse:
    found = find(request, number)
    form = ReasonForm(request.POST)
    made = carried_out(
        form,
        lambda: withdrawing.withdraw_publication(person=person_of(request), publication=found, **form.cleaned_data),
    )
    if made is None:
        return answer_form(request, "publication.html", form, _shown(request, found, form))
    return redirect(found)
