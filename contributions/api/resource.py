"""What all resources share: who may use which verb, how a body and a query are read, how a list is answered."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, IsAuthenticatedOrReadOnly
from rest_framework.response import Response
from rest_framework.views import APIView

from contributions.accounts.freshness import prove_fresh, prove_strong
from contributions.errors import TooLarge
from contributions.models import ApiToken

from .paging import page_of
from .parsing import AlwaysJson, Json
from .permissions import HasScope, eyes_of
from .schema import TruthfulSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from rest_framework.parsers import BaseParser
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer, Serializer

    from contributions.models import Person


class Resource(APIView):
    """One address. Reading is for everybody, changing for people and for tokens with the scope that it names."""

    reading_scope: ClassVar[str | None] = None
    writing_scope: ClassVar[str] = ApiToken.Scope.WRITE
    is_sensitive: ClassVar[bool] = False
    is_kept: ClassVar[bool] = False  # what a GET tells strangers depends on nothing but its address and the content
    http_method_names = ["get", "head", "post", "put"]
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticatedOrReadOnly, HasScope)
    content_negotiation_class = AlwaysJson
    parser_classes: Sequence[type[BaseParser]] = (Json,)
    schema = TruthfulSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before anything reads it."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        most = self.most_bytes
        if length.isdigit() and int(length) > most:
            raise TooLarge(f"The request is larger than {most:,} bytes, the most that is taken here.")
        super().initial(request, *args, **kwargs)
        if self.is_sensitive and request.method not in SAFE_METHODS:
            self.prove()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.is_kept = self.is_kept  # type: ignore[attr-defined]
        return answer

    @property
    def most_bytes(self) -> int:
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    @property
    def eyes(self) -> Person | AnonymousUser:
        """Who looks: use it to find what a GET shows."""
        return eyes_of(self.request)

    @property
    def person(self) -> Person:
        """Who acts: use it in verbs that change something, which only people reach."""
        return cast("Person", self.request.user)

    def prove(self) -> None:
        """Ask, before a sensitive verb, whether it is still the same person: of a session that it is fresh.

        A token is not asked again, for its maker was; where the site asks for a second factor, both are.
        """
        prove_strong(self.person)
        if not isinstance(self.request.auth, ApiToken):
            prove_fresh(self.request._request)  # noqa: SLF001 - DRF wraps the request that has the session

    def asked(self, query: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked query string, without what was left blank."""
        read = _reader(query).run_validation(self.request.query_params)
        return {name: value for name, value in read.items() if value not in ("", None)}

    def sent(self, body: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked body, without what was null."""
        read = body(data=self.request.data)
        read.is_valid(raise_exception=True)
        return {name: value for name, value in read.validated_data.items() if value is not None}

    def shown(self, shape: type[BaseSerializer[Any]], thing: Any, *, status: int = 200, at: str = "") -> Response:
        """The answer that shows one thing; `at` is its address when it is new."""
        body = shape(thing, context=self.get_serializer_context())
        headers = {"Location": self.request.build_absolute_uri(at)} if at else None
        return Response(body.data, status=status, headers=headers)

    def listed(
        self, shape: type[BaseSerializer[Any]], rows: QuerySet[Any, Any], asked: dict[str, Any], *order: str
    ) -> Response:
        """The asked page of a list."""
        page = page_of(rows, self.request, asked, *order)
        results = shape(page.rows, many=True, context=self.get_serializer_context()).data
        return Response(page.with_results(results))

    def get_serializer_context(self) -> dict[str, Any]:
        site = self.request.build_absolute_uri("/").removesuffix("/")
        return {"request": self.request, "view": self, "site": site}


@functools.cache
def _reader(query: type[Serializer[Any]]) -> Serializer[Any]:
    """One reader serves all requests: to make its fields anew costs more than to read them."""
    return query()
