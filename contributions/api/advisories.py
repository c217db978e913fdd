"""Security advisories, in our words and in those of OSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from contributions.actions.advising import advise, withdraw_advisory
from contributions.errors import Invalid, Missing
from contributions.models import Advisory, Publication, Revision

from .inputs import AdvisoryInput, ReasonInput
from .lookups import component_meant
from .queries import AdvisoryQuery
from .resource import Resource
from .shapes.advisories import AdvisoryShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

NAMES = ("component", "author")
REVISIONS = ("affected", "fixed")
OSV_VERSION = "1.6.0"  # of https://ossf.github.io/osv-schema/


def _rows() -> QuerySet[Advisory]:
    plain = Revision.objects.only("pk", "contribution", "number").order_by("contribution", "number")
    return Advisory.objects.select_related(*NAMES).prefetch_related(*(Prefetch(name, plain) for name in REVISIONS))


def _find(number: int) -> Advisory:
    found = _rows().filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no advisory {number}.")
    return found


class Advisories(Resource):
    is_kept = True

    @extend_schema(
        operation_id="advisories_list",
        parameters=[AdvisoryQuery],
        responses=paged(AdvisoryShape),
        summary="List advisories",
    )
    def get(self, request: Request) -> Response:
        """Newest first, withdrawn ones too."""
        del request
        asked = self.asked(AdvisoryQuery)
        found = _rows()
        if "component" in asked:
            found = found.filter(component__slug=asked["component"])
        if "severity" in asked:
            found = found.filter(severity=asked["severity"])
        if "state" in asked:
            found = found.filter(state=asked["state"])
        return self.listed(AdvisoryShape, found, asked, "-pk")

    @extend_schema(
        operation_id="advisories_publish",
        request=AdvisoryInput,
        responses={201: OpenApiResponse(AdvisoryShape, description="Published; all whom it concerns are told.")},
        summary="Publish an advisory",
    )
    def post(self, request: Request) -> Response:
        """Maintainers of the component and staff may. `withdraw` takes what is affected out of the feed with it."""
        del request
        sent = self.sent(AdvisoryInput)
        sent["component"] = component_meant(sent["component"])
        for name in REVISIONS:
            sent[name] = _named(sent.get(name, []), name)
        made = advise(person=self.person, **sent)
        return self.shown(AdvisoryShape, _find(made.pk), status=201, at=reverse("api-advisory", args=[made.pk]))


def _named(sent: list[dict[str, int]], field: str) -> list[Revision]:
    """The revisions that a body names; their owner is checked by the action."""
    found = []
    for name in sent:
        number, version = name["contribution"], name["revision"]
        rows = Revision.objects.select_related("contribution").defer("files", "commits")
        row = rows.filter(contribution=number, number=version).first()
        if row is None:
            raise Invalid(f"There is no v{version} of a contribution #{number}.", field=field)
        found.append(row)
    return found


class OneAdvisory(Resource):
    is_kept = True

    @extend_schema(operation_id="advisories_show", responses=AdvisoryShape, summary="Show an advisory")
    def get(self, request: Request, number: int) -> Response:
        """With the revisions that are affected, and those that mend it."""
        del request
        return self.shown(AdvisoryShape, _find(number))


class AdvisoryWithdrawal(Resource):
    @extend_schema(
        operation_id="advisories_withdraw",
        request=ReasonInput,
        responses=AdvisoryShape,
        summary="Withdraw an advisory",
    )
    def post(self, request: Request, number: int) -> Response:
        """Say that it was wrong; it stays with the reason."""
        del request
        withdraw_advisory(person=self.person, advisory=_find(number), reason=self.sent(ReasonInput)["reason"])
        return self.shown(AdvisoryShape, _find(number))


class AdvisoryOsv(Resource):
    @extend_schema(
        operation_id="advisories_osv", responses=OpenApiTypes.OBJECT, summary="Show an advisory in the OSV format"
    )
    def get(self, request: Request, number: int) -> Response:
        """As scanners read it; the digests of the files are in `database_specific`."""
        return Response(_osv(_find(number), request))


def _osv(advisory: Advisory, request: Request) -> dict[str, Any]:
    when = {"published": advisory.published_at, "withdrawn": advisory.withdrawn_at}
    page = request.build_absolute_uri(advisory.get_absolute_url())
    return {
        "schema_version": OSV_VERSION,
        "id": advisory.identifier,
        "modified": _moment(advisory.withdrawn_at or advisory.published_at),
        **{name: _moment(moment) for name, moment in when.items() if moment},
        "aliases": [advisory.alias] if advisory.alias else [],
        "summary": advisory.title,
        "details": advisory.description,
        "affected": [_affected(row, advisory) for row in _published(advisory)],
        "references": [{"type": "ADVISORY", "url": page}],
        "database_specific": {
            "severity": advisory.severity.upper(),
            "component": advisory.component.slug,
            **{name: [_revision(row) for row in getattr(advisory, name).all()] for name in REVISIONS},
        },
    }


def _moment(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _revision(row: Revision) -> dict[str, int]:
    return {"contribution": row.contribution_id, "revision": row.number}


def _published(advisory: Advisory) -> QuerySet[Publication]:
    rows = Publication.objects.filter(revision__in=advisory.affected.all()).order_by("pk")
    rows = rows.select_related("release", "build", "revision").defer(
        "revision__files", "revision__commits", "revision__fingerprints"
    )
    return rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob")


def _affected(row: Publication, advisory: Advisory) -> dict[str, Any]:
    """One build: the release it was made for is the range, its bytes are what is affected."""
    event = {"introduced": row.release.commit}
    files = [{"name": file.name, "sha256": file.sha256} for file in row.artifacts]
    return {
        "ranges": [{"type": "GIT", "repo": advisory.component.upstream_url, "events": [event]}],
        "versions": [row.release.name],
        "database_specific": {**_revision(row.revision), "publication": row.pk, "artifacts": files},
    }
