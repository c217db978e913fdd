"""The files of a revision, the lines of each as a program reads them, and which of them one has viewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from contributions.actions.viewing import mark_viewed
from contributions.errors import Invalid, Missing
from contributions.models import Person, Viewed
from contributions.patches import parse_diff
from contributions.patches.spacing import MOST_FOLDED, without_spacing
from contributions.patches.windows import length, window
from contributions.patches.words import Effort, marks

from .lookups import revision_seen_by
from .paging import LARGEST_SIZE, USUAL_SIZE
from .queries import LinesQuery, PageQuery
from .resource import Resource
from .shapes.changes import ChangedFileShape, FileLinesShape, ViewedShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_framework.request import Request

    from contributions.models import Revision
    from contributions.patches import FileDiff, Hunk

KINDS = {" ": "context", "+": "added", "-": "removed", "\\": "remark"}
TOLD = ("path", "old_path", "status", "added", "removed", "modes", "similarity", "lines", "sides")


class Changes(Resource):
    """What is told of each file."""

    def told(self, revision: Revision, index: int, viewed: frozenset[str] | None) -> dict[str, Any]:
        known = revision.files[index]
        address = reverse("api-revision-file", args=[revision.contribution_id, revision.number, index])
        return {
            "index": index,
            "url": self.request.build_absolute_uri(address),
            "binary": bool(known.get("binary")),
            **{name: known[name] for name in TOLD if name in known},
            "viewed": None if viewed is None else known["path"] in viewed,
        }

    def viewed(self, revision: Revision) -> frozenset[str] | None:
        eyes = self.eyes
        return Viewed.objects.paths(revision, eyes) if isinstance(eyes, Person) else None


class Files(Changes):
    is_kept = True

    @extend_schema(
        operation_id="files_list", parameters=[PageQuery], responses=paged(ChangedFileShape), summary="List files"
    )
    def get(self, request: Request, number: int, revision: int) -> Response:
        """In the order of the diff, without their lines."""
        found, asked = revision_seen_by(self.eyes, number, revision), self.asked(PageQuery)
        start, size = _place(asked.get("cursor", "0")), min(asked.get("page_size", USUAL_SIZE), LARGEST_SIZE)
        end, viewed = min(start + size, len(found.files)), self.viewed(found)
        return Response(
            {
                "next": _link(request, cursor=end) if end < len(found.files) else None,
                "previous": _link(request, cursor=max(0, start - size)) if start else None,
                "results": [self.told(found, index, viewed) for index in range(start, end)],
            }
        )


def _place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9):  # noqa: PLR2004 - no diff has more files
        raise Invalid("This cursor is not one that the portal gave for this list.", field="cursor")
    return int(cursor)


def _link(request: Request, **query: int) -> str:
    address = request.build_absolute_uri()
    for name, value in query.items():
        address = replace_query_param(address, name, value)
    return str(address)


class OneFile(Changes):
    is_kept = True

    @extend_schema(
        operation_id="files_show", parameters=[LinesQuery], responses=FileLinesShape, summary="Show a file's lines"
    )
    def get(self, request: Request, number: int, revision: int, index: int) -> Response:
        """Its hunks line by line, with what changed inside a line; some thousands of lines at a time."""
        found, asked = revision_seen_by(self.eyes, number, revision), self.asked(LinesQuery)
        parsed = _parsed(found, index)
        hunks, further = window(_hunks(parsed, asked.get("space", "show")), asked.get("hunk", 0))
        effort = Effort()
        return Response(
            {
                **self.told(found, index, self.viewed(found)),
                "hunks": [_hunk(hunk, effort) for hunk in hunks],
                "next": _link(request, hunk=further) if further else None,
            }
        )


def _parsed(revision: Revision, index: int) -> FileDiff:
    if revision.diff is None or index >= len(revision.files):
        raise Missing(f"{revision.label} has no file {index}.")
    known = revision.files[index]
    with revision.diff.open() as content:
        content.seek(known["start"])
        files = parse_diff(content.read(known["end"] - known["start"]))
    if not files:
        raise Missing(f"The lines of {revision.label} cannot be read; its diff holds them.")
    return files[0]


def _hunks(parsed: FileDiff, space: str) -> list[Hunk]:
    if space == "show" or length(parsed.hunks) > MOST_FOLDED:
        return list(parsed.hunks)
    return [left for hunk in parsed.hunks for left in without_spacing(hunk)]


def _hunk(hunk: Hunk, effort: Effort) -> dict[str, Any]:
    numbers = {name: getattr(hunk, name) for name in ("old_start", "old_count", "new_start", "new_count")}
    return {**numbers, "heading": hunk.heading, "lines": list(_lines(hunk, effort))}


def _lines(hunk: Hunk, effort: Effort) -> Iterator[dict[str, Any]]:
    texts = [line.text.decode("utf-8", "replace") for line in hunk.lines]
    marked = marks([line.kind for line in hunk.lines], texts, effort)
    for at, (line, text) in enumerate(zip(hunk.lines, texts, strict=True)):
        told = {"kind": KINDS[line.kind], "old": line.old_no, "new": line.new_no, "text": text}
        yield {**told, "marks": marked[at]} if at in marked else told


class FileViewed(Resource):
    http_method_names = ["put", "delete"]

    @extend_schema(operation_id="files_view", request=None, responses=ViewedShape, summary="Mark a file as viewed")
    def put(self, request: Request, number: int, revision: int, index: int) -> Response:
        """A note to yourself; it holds in later revisions for as long as the file's change is the same."""
        del request
        found = revision_seen_by(self.person, number, revision)
        path = mark_viewed(person=self.person, revision=found, index=index, viewed=True)
        return Response({"path": path, "viewed": True})

    @extend_schema(
        operation_id="files_unview",
        responses={204: OpenApiResponse(description="Not marked.")},
        summary="Take the mark back",
    )
    def delete(self, request: Request, number: int, revision: int, index: int) -> Response:
        """Not to have marked it is no error."""
        del request
        found = revision_seen_by(self.person, number, revision)
        mark_viewed(person=self.person, revision=found, index=index, viewed=False)
        return Response(status=204)
