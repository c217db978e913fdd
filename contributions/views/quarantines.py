"""What staff do to keep something out of sight, and to give it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect

from contributions.accounts.freshness import sensitive
from contributions.actions import quarantining
from contributions.errors import Invalid
from contributions.forms.voices import ReasonForm

from .contribution import find
from .entering import person_of, verb
from .publications import find as find_publication

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Invalid("The reason cannot be read.", field="reason")
    return str(form.cleaned_data["reason"])


@verb("contribution")
@sensitive()
def contribution_quarantine(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    quarantining.quarantine(person=person_of(request), contribution=contribution, reason=_reason(request))
    messages.success(
        request, "It is in quarantine: out of everybody's sight but its author's, maintainers' and staff's."
    )
    return redirect(contribution)


@verb("contribution")
@sensitive()
def contribution_restore(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    quarantining.restore(person=person_of(request), contribution=contribution, reason=_reason(request))
    messages.success(request, "It is out of quarantine, and its builds are in the feed again.")
    return redirect(contribution)


@verb("publication")
@sensitive()
def publication_quarantine(request: HttpRequest, number: int) -> HttpResponse:
    found = find_publication(request, number)
    quarantining.quarantine_publication(person=person_of(request), publication=found, reason=_reason(request))
    return redirect(found)


@verb("publication")
@sensitive()
def publication_restore(request: HttpRequest, number: int) -> HttpResponse:
    found = find_publication(request, number)
    quarantining.restore_publication(person=person_of(request), publication=found, reason=_reason(request))
    return redirect(found)
