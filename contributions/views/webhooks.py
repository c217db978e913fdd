"""An organisation's webhooks: what they hear of, what was sent to each, and sending it again. For its owners alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import hooking
from contributions.errors import Missing, NotAllowed
from contributions.forms.recalls import WebhookForm
from contributions.models import Delivery, Organisation, Webhook

from .entering import person_of, verb
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from contributions.models import Person


def _organisation(request: HttpRequest, slug: str) -> Organisation:
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise Missing("There is no such organisation.")
    if not found.may_be_run_by(request.user):
        raise NotAllowed("Only an owner of the organisation keeps its webhooks.")
    return found


def _webhook(request: HttpRequest, slug: str, number: int) -> Webhook:
    rows = _organisation(request, slug).webhooks.select_related("organisation", "made_by")
    found: Webhook | None = rows.filter(pk=number).first()
    if found is None:
        raise Missing("There is no webhook of that number.")
    return found


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive()
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    organisation = _organisation(request, slug)
    form = WebhookForm(request.POST or None)
    context = {"organisation": organisation, "webhooks": organisation.webhooks.all(), "form": form}
    if request.method != "POST":
        return render(request, "webhooks.html", context)
    made = carried_out(
        form,
        lambda: hooking.add_webhook(person=person_of(request), organisation=organisation, **form.cleaned_data),
    )
    if made is None:
        return answer_form(request, "webhooks.html", form, context)
    webhook, secret = made
    return render(request, "webhooks.html", {**context, "form": WebhookForm(), "made": webhook, "secret": secret})


@never_cache
@login_required
@require_safe
def webhook(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return render(request, "webhook.html", _shown(request, _webhook(request, slug, number)))


def _shown(request: HttpRequest, found: Webhook) -> dict[str, Any]:
    return {
        "webhook": found,
        "organisation": found.organisation,
        "page": page(request, found.deliveries.all(), ("-pk",)),
    }


@never_cache
@verb("webhook")
@sensitive()
def webhook_rotate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = _webhook(request, slug, number)
    secret = hooking.rotate_secret(person=person_of(request), webhook=found)
    return render(request, "webhook.html", {**_shown(request, found), "secret": secret})


def _acting(act: Callable[[Person, Webhook], object]) -> Callable[..., HttpResponse]:
    """A view that does one thing to a webhook and comes back to its page."""

    @verb("webhook")
    def acted(request: HttpRequest, slug: str, number: int) -> HttpResponse:
        found = _webhook(request, slug, number)
        act(person_of(request), found)
        return redirect(found)

    return acted


webhook_enable = _acting(lambda person, found: hooking.enable_webhook(person=person, webhook=found))
webhook_disable = _acting(lambda person, found: hooking.disable_webhook(person=person, webhook=found))
webhook_trial = _acting(lambda person, found: hooking.send_trial(person=person, webhook=found))


@verb("webhook")
def webhook_remove(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    hooking.remove_webhook(person=person_of(request), webhook=_webhook(request, slug, number))
    return redirect("webhooks", slug)


@verb("organisations", of_the_same=False)
def delivery_replay(request: HttpRequest, slug: str, number: int, delivery: int) -> HttpResponse:
    found = _webhook(request, slug, number)
    row = Delivery.objects.select_related("webhook__organisation").filter(webhook=found, pk=delivery).first()
    if row is None:
        raise Missing("There is no delivery of that number.")
    hooking.replay(person=person_of(request), delivery=row)
    return redirect(found)
