"""What a contribution depends on: said by its author, shown beside what its commits say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contributions.actions.depending import set_dependencies
from contributions.errors import NotAllowed
from contributions.forms.stacking import DependsForm
from contributions.models import Contribution
from contributions.models.depending import needs_of

from .contribution import find
from .entering import person_of
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def depends(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.may_be_revised_by(request.user):
        raise NotAllowed("Only its author says what a contribution depends on, and only until it is withdrawn.")
    context: dict[str, object] = {"contribution": contribution, **needed_by_commits(request, contribution)}
    if request.method != "POST":
        told = " ".join(f"#{pk}" for pk in contribution.depends_on.order_by("pk").values_list("pk", flat=True))
        return render(request, "depends.html", {"form": DependsForm(initial={"on": told}), **context})
    form, author = DependsForm(request.POST), person_of(request)
    made = carried_out(form, lambda: set_dependencies(author=author, contribution=contribution, **form.cleaned_data))
    if made is None:
        return answer_form(request, "depends.html", form, context)
    messages.success(request, "That is what it depends on.")
    return redirect(contribution)


def needed_by_commits(request: HttpRequest, contribution: Contribution) -> dict[str, Any]:
    """What the trailers of the current revision name: contributions that this person may see, and other words."""
    if contribution.current is None or not contribution.has_patch:
        return {"needed": [], "needed_words": []}
    needs = needs_of({contribution.pk: contribution.current}, contribution.component_id)[contribution.pk]
    seen = Contribution.objects.visible_to(request.user).filter(pk__in=needs.numbers).order_by("pk")
    return {"needed": list(seen), "needed_words": needs.unknown}
