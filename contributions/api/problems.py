"""Every error as application/problem+json (RFC 9457), with a sentence that a person can act on."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as rest
from rest_framework.views import set_rollback

from contributions import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponse

CONTENT_TYPE = "application/problem+json"
SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The request could not be understood.",
    HTTPStatus.FORBIDDEN: "You may not do this.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address, or you may not know of it.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is larger than the portal takes.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The portal failed; this is our fault. The operators can see why in the log.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The portal cannot do this at the moment; try again soon.",
}
STATUS_OF: dict[type[errors.Refusal], int] = {
    errors.Invalid: 400,
    errors.NotAllowed: 403,
    errors.Missing: 404,
    errors.Clash: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
}
STATUS_OF_OTHERS: dict[tuple[type[Exception], ...], int] = {  # the first that fits
    (RequestDataTooBig,): 413,
    (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError): 400,
    (PermissionDenied,): 403,
    (Http404,): 404,
}
BELOW = "/api/"
TRY_AGAIN_SECONDS = 10  # after trouble on our side


def answer(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Turn what a view raised into its problem; what nobody foresaw is Django's to log, and never_html's to answer."""
    del context
    set_rollback()
    if isinstance(error, errors.Refusal):
        return _refused(error)
    if isinstance(error, rest.APIException):
        return _from_rest(error)
    if isinstance(error, (errors.Trouble, OperationalError, InterfaceError)):
        sentence = (
            error.sentence if isinstance(error, errors.Trouble) else "The portal's database is away for a moment."
        )
        response = problem(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
        response.headers["Retry-After"] = str(TRY_AGAIN_SECONDS)
        return response
    status = next((status for kinds, status in STATUS_OF_OTHERS.items() if isinstance(error, kinds)), None)
    return problem(status) if status else None


def problem(
    status: int, sentence: str = "", fields: dict[str, list[str]] | None = None, *, kind: str = "about:blank"
) -> HttpResponse:
    """One problem; `fields` names the inputs that it is about, with a sentence for each thing wrong with them."""
    body: dict[str, Any] = {
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": sentence or SENTENCES.get(HTTPStatus(status), HTTPStatus(status).description or "It failed."),
    }
    if fields:
        body["errors"] = fields
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def never_html(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The middleware that turns an error page below /api/ (a bad Host, our own fault) into a problem."""

    def spoken(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and response.status_code >= HTTPStatus.BAD_REQUEST and request.path.startswith(BELOW):
            return problem(response.status_code)
        return response

    return spoken


def _refused(refusal: errors.Refusal) -> HttpResponse:
    status = next((STATUS_OF[kind] for kind in type(refusal).__mro__ if kind in STATUS_OF), 400)
    fields = {refusal.field: [refusal.sentence]} if refusal.field else None
    kind = "reauthentication-needed" if isinstance(refusal, errors.Stale) else "about:blank"
    response = problem(status, refusal.sentence, fields, kind=kind)
    if isinstance(refusal, errors.TooMany):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _from_rest(error: rest.APIException) -> HttpResponse:
    if isinstance(error, rest.ValidationError):
        fields = dict(_flat(error.detail))
        return problem(error.status_code, _first(fields), fields)
    response = problem(error.status_code, str(error.detail))
    if auth_header := getattr(error, "auth_header", None):
        response.headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        response.headers["Retry-After"] = str(int(wait))
    return response


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """`{"a": {"b": ["x"]}}` -> `("a.b", ["x"])`; what is wrong with the body as a whole is called "body"."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "body" if name == "non_field_errors" else str(name)
            yield from _flat(inner, f"{path}.{own}" if path else own)
    elif isinstance(detail, list) and any(isinstance(inner, (dict, list)) for inner in detail):
        for place, inner in enumerate(detail):
            yield from _flat(inner, f"{path}.{place}")
    else:
        yield path or "body", [str(sentence) for sentence in (detail if isinstance(detail, list) else [detail])]


def _first(fields: dict[str, list[str]]) -> str:
    name, sentences = next(iter(fields.items()))
    return sentences[0] if name == "body" else f"{name}: {sentences[0]}"
