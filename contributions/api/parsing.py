"""Reading bodies: JSON that cannot hurt, forms only where a file can come along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser, MultiPartParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request


class Json(JSONParser):
    """JSON whose depth cannot exhaust the stack."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


class Form(MultiPartParser):
    """`multipart/form-data`, for requests that carry a file."""


class AlwaysJson(BaseContentNegotiation):
    """Whatever Accept says, the answer is the one there is; RFC 9110 allows it and no client is left without."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        sent = media_type_of(request)
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        del request, format_suffix
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def media_type_of(request: Request) -> str:
    """The body's type without its parameters (a form's boundary, say)."""
    return (request.content_type or "").partition(";")[0].strip().lower()
