"""Who is calling: a token in the Authorization header, or a browser's session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from contributions.models import ApiToken
from contributions.models.person import secret_in

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import Person

SCHEME = "Token"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token pb_…`, or `Bearer pb_…`; a token that is unknown, expired or revoked is refused at once."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        secret = secret_in(request.META.get("HTTP_AUTHORIZATION", ""))
        if secret is None:
            return None
        token = ApiToken.objects.bearing(secret)
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        token.was_used()
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        del request
        return SCHEME
