"""Handing a contribution over: the offer, its answer, and an owner who takes over what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect

from contributions.actions import transferring
from contributions.actions.transferring import UNKNOWN_TRANSFER
from contributions.errors import Missing
from contributions.forms.sharing import TransferForm
from contributions.models import Transfer

from .contribution import find, show_overview
from .entering import person_of, verb
from .refusals import carried_out, patient, status_of_form

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@verb("contribution")
def transfer(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    form = TransferForm(request.POST)
    made = carried_out(
        form,
        lambda: transferring.offer(
            person=person_of(request), contribution=contribution, username=form.cleaned_data["to"]
        ),
    )
    if made is None:
        return patient(form, show_overview(request, contribution, transfer_form=form, status=status_of_form(form)))
    messages.success(request, f"Offered. It is yours until {made.taker} accepts.")
    return redirect(contribution)


@verb("contribution")
def transfer_accept(request: HttpRequest, number: int) -> HttpResponse:
    offered = _offered(request, number)
    handed = transferring.accept_transfer(person=person_of(request), transfer=offered)
    messages.success(request, "You are its author from now on.")
    return redirect(handed)


@verb("contribution")
def transfer_decline(request: HttpRequest, number: int) -> HttpResponse:
    declined = transferring.decline_transfer(person=person_of(request), transfer=_offered(request, number))
    messages.success(request, "It stays with its author.")
    return redirect(declined.contribution)


@verb("contribution")
def take_over(request: HttpRequest, number: int) -> HttpResponse:
    taken = transferring.take_over(person=person_of(request), contribution=find(request, number))
    messages.success(request, "You are its author from now on.")
    return redirect(taken)


def _offered(request: HttpRequest, number: int) -> Transfer:
    contribution = find(request, number)
    found = Transfer.objects.waiting().filter(contribution=contribution).select_related("contribution").first()
    if found is None:
        raise Missing(UNKNOWN_TRANSFER)
    return found
