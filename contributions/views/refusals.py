"""Where a refusal becomes a page: beside the field of the form that was refused, or as a page of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string

from contributions.errors import Clash, Invalid, Missing, NotAllowed, Refusal, TooLarge, TooMany, Trouble
from contributions.forms.uploading import drop_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.forms import BaseForm
    from django.http import HttpRequest

Made = TypeVar("Made")
log = logging.getLogger(__name__)

STATUSES: dict[type[Refusal], int] = {
    Invalid: 400,
    NotAllowed: 403,
    Missing: 404,
    Clash: 409,
    TooLarge: 413,
    TooMany: 429,
}
HEADINGS = {
    400: "That cannot be used as it is",
    403: "You may not do that",
    404: "There is no such page",
    409: "Somebody was first",
    413: "That is too large",
    429: "Not so fast",
}
OUR_FAULT = (Trouble, OperationalError, InterfaceError)
TRY_AGAIN_SECONDS = 10
TAKES_FILES = ("/submit/", "/revise/", "/ports/new/", "/forks/new/")
FORM_OVERHEAD = 2**20  # bytes that a form may weigh beside its file


def status_of(refusal: Refusal) -> int:
    return next((status for kind, status in STATUSES.items() if isinstance(refusal, kind)), 400)


class RefusalPages:
    """The middleware that answers a refusal nobody caught with a page that says the sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_for_machines(request):
            try:
                _read_form(request)
            except Refusal as refusal:
                return answer(request, refusal)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if _is_for_machines(request):
            return None
        if isinstance(exception, BadRequest):
            exception = Invalid(str(exception))
        if isinstance(exception, OUR_FAULT):
            log.warning("Answered 503 to %s: %s", request.path, exception)
            return apology(exception)
        return answer(request, exception) if isinstance(exception, Refusal) else None


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    status = status_of(refusal)
    context = {"sentence": refusal.sentence, "heading": HEADINGS[status], "status": status}
    response = render(request, "refusal.html", context, status=status)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def apology(fault: Exception) -> HttpResponse:
    """A page that asks no database: it may be the one that is away."""
    sentence = fault.sentence if isinstance(fault, Trouble) else "The portal's database is away for a moment."
    page = render_to_string("503.html", {"sentence": sentence})
    return HttpResponse(page, status=503, headers={"Retry-After": str(TRY_AGAIN_SECONDS)})


def carried_out(form: BaseForm, act: Callable[[], Made]) -> Made | None:
    """Do the act if the form can be read; else, or when it is refused, return None with the sentence in the form."""
    if not form.is_valid():
        return None
    try:
        return act()
    except Refusal as refusal:
        form.refusal = refusal  # type: ignore[attr-defined]  # so that the answer has the refusal's status
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)
        return None


def status_of_form(form: BaseForm) -> int:
    """What a form that was sent and not carried out answers."""
    refusal = getattr(form, "refusal", None)
    return status_of(refusal) if refusal else 400


def patient(form: BaseForm, response: HttpResponse) -> HttpResponse:
    """Say when to come back, if it was done too often."""
    refusal = getattr(form, "refusal", None)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def answer_form(request: HttpRequest, template: str, form: BaseForm, context: dict[str, object]) -> HttpResponse:
    """Show the form's page again with what was typed and what is wrong with it."""
    status = status_of_form(form) if form.is_bound else 200
    return patient(form, render(request, template, {"form": form, **context}, status=status))


def _read_form(request: HttpRequest) -> None:
    """Read what was posted, here and not in the middle of another middleware; raises TooLarge as early as can be."""
    most = _most(request)
    if _weight(request) > most:
        raise TooLarge(f"The portal takes at most {most:,} bytes at once here.")
    try:
        request.POST  # noqa: B018 - reading it is the point; Django keeps what it read
    except RequestDataTooBig:
        raise TooLarge("The form holds more text than the portal takes.") from None
    except UnreadablePostError:
        drop_files(request)
        raise Invalid("The form broke off on its way; send it again.") from None


def _most(request: HttpRequest) -> int:
    """In bytes: much for those who share a file, little for everybody else."""
    if request.path.endswith(TAKES_FILES) and request.user.is_authenticated:
        return max(settings.MAX_ARTIFACT_BYTES, settings.MAX_PATCH_BYTES) + FORM_OVERHEAD
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _weight(request: HttpRequest) -> int:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def _is_for_machines(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
