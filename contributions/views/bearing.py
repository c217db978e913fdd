"""Tokens where programs fetch files: pip and curl say who they are, and their organisation can be told of a recall."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.http import HttpResponse

from contributions.models import ApiToken
from contributions.models.person import secret_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

FETCHED = re.compile(
    r"/(files|simple|tuf/targets)/|/contributions/\d+/v\d+\.patch$|/stacks/\d+/(\d+\.git|locks/\d+)/.|/.*\.atom$"
)
UNKNOWN = "This token is unknown, expired or revoked.\n"


class TokensForFiles:
    """The middleware that lets a token be the one who asks, at the addresses of files alone.

    Without a token everybody fetches what is public. One that is wrong is refused, so that nobody believes to be heard.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = secret_in(request.headers.get("Authorization", "")) if FETCHED.match(request.path) else None
        if secret is None:
            return self.get_response(request)
        token = ApiToken.objects.bearing(secret)
        if token is None:
            return HttpResponse(
                UNKNOWN, status=401, content_type="text/plain", headers={"WWW-Authenticate": 'Basic realm="Patchbay"'}
            )
        token.was_used()
        if token.allows(ApiToken.Scope.READ):
            request.user = token.person
        return self.get_response(request)
