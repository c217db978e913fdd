"""What a token may be used for: each verb asks for one scope; a browser's session has them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission

from contributions.errors import NotAllowed
from contributions.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from contributions.models import Person


class HasScope(BasePermission):
    """A writing verb needs the scope that its view names in `writing_scope`.

    Reading what is public needs none; `reading_scope` names one where the answer is about the token's owner.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        reads = request.method in SAFE_METHODS
        scope = getattr(view, "reading_scope" if reads else "writing_scope")
        if scope is None or not isinstance(request.auth, ApiToken) or request.auth.allows(scope):
            return True
        raise NotAllowed(f"This token lacks the scope “{scope}”.")


def eyes_of(request: Request) -> Person | AnonymousUser:
    """Through whose eyes the request reads: a token without the scope “read” sees what a stranger sees."""
    token = request.auth
    if isinstance(token, ApiToken) and not token.allows(ApiToken.Scope.READ):
        return AnonymousUser()
    return request.user
