"""The OpenAPI 3.1 document, made from the views; every operation names the problems that it can answer with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from .inputs import Input
from .problems import CONTENT_TYPE
from .shapes.paged import ProblemShape

PROBLEMS = {
    400: "A parameter, or the body, cannot be used; `errors` names what.",
    401: "The token is unknown, expired or revoked, or there is none and one is needed.",
    403: "You may not do this, or your token lacks the scope.",
    404: "There is no such thing, or you may not know of it.",
    409: "The thing has moved on meanwhile, or its state does not allow this.",
    413: "More bytes than the portal takes.",
    415: "The body is of a type that this address does not read.",
    429: "Done too often; Retry-After says how many seconds to wait.",
}
ONLY_WRITES = frozenset({409, 413, 415, 429})


class TruthfulSchema(AutoSchema):
    """Adds to each operation the problems that any of its kind can meet."""

    def get_operation(self, *given: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*given)
        if operation is None:
            return None
        shape = self.resolve_serializer(ProblemShape, "response").ref
        for status, description in PROBLEMS.items():
            if status in ONLY_WRITES and self.method == "GET":
                continue
            operation["responses"].setdefault(str(status), _problem(description, shape))
        operation["responses"]["default"] = _problem("Any other problem.", shape)
        return operation

    def _get_serializer_name(self, serializer: Any, direction: str, *given: Any, **more: Any) -> str:
        """A shape is called after its noun."""
        return str(super()._get_serializer_name(serializer, direction, *given, **more)).replace("Shape", "")

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        """Bodies are closed: a field that is not named is refused."""
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, Input):
            schema["additionalProperties"] = False
        return schema


def _problem(description: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": shape}}}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "contributions.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        del auto_schema
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Token pb_…`, made on the page “API tokens”; its scopes say what it may do.",
        }
