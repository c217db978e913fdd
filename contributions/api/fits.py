"""How the revisions of a contribution meet each release, why, and what a person says where no proof was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.actions.confirming import confirm
from contributions.actions.trying_again import try_fit_again
from contributions.errors import Missing
from contributions.models import Fit

from .inputs import ConfirmInput, TrialInput
from .lookups import contribution_seen_by, named
from .queries import FitQuery, OneFitQuery
from .resource import Resource
from .shapes.fits import FitDetailShape, FitShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Contribution

LARGE = tuple(f"revision__{name}" for name in ("text", "html", "commits", "files", "fingerprints", "warnings"))


class Fits(Resource):
    is_kept = True

    @extend_schema(operation_id="fits_list", parameters=[FitQuery], responses=paged(FitShape), summary="List fits")
    def get(self, request: Request, number: int) -> Response:
        """How a revision meets each release, newest release first."""
        del request
        contribution, asked = contribution_seen_by(self.eyes, number), self.asked(FitQuery)
        return self.listed(FitShape, _fits(contribution, asked), asked, "-release__position", "-pk")


class OneFit(Resource):
    is_kept = True

    @extend_schema(
        operation_id="fits_show", parameters=[OneFitQuery], responses=FitDetailShape, summary="Show why it fits or not"
    )
    def get(self, request: Request, number: int, release: str) -> Response:
        """A release by its name or slug: the evidence, each commit of a series, who is to blame, both sides."""
        del request
        contribution, asked = contribution_seen_by(self.eyes, number), self.asked(OneFitQuery)
        return self.shown(FitDetailShape, _fit(contribution, release, asked))


class Confirmation(Resource):
    @extend_schema(
        operation_id="fits_confirm",
        request=ConfirmInput,
        responses=FitDetailShape,
        summary="Say whether upstream has it",
    )
    def post(self, request: Request, number: int, release: str) -> Response:
        """Of the commit that the fit asks about; its author, maintainers of the component and staff may.

        It holds for every release that has the commit.
        """
        del request
        contribution, sent = contribution_seen_by(self.person, number), ConfirmInput(data=self.request.data)
        sent.is_valid(raise_exception=True)
        is_same, commit = sent.validated_data["is_same"], sent.validated_data.get("commit", "")
        fit = _fit(contribution, release, {})
        asked = fit.asked_about or (fit.upstream_commit if fit.evidence == Fit.Evidence.CONFIRMED else "")
        meant = asked if commit in ("", asked) else ""
        confirm(person=self.person, contribution=contribution, commit=meant, is_same=is_same)
        return self.shown(FitDetailShape, _fit(contribution, release, {}))


class FitTrial(Resource):
    @extend_schema(
        operation_id="fits_try_again",
        request=TrialInput,
        responses={202: OpenApiResponse(FitDetailShape, description="What errored is queued.")},
        summary="Try again what went wrong on our side",
    )
    def post(self, request: Request, number: int, release: str) -> Response:
        """The verdict, the look for who is to blame, a try at a port; its author, maintainers and staff may."""
        del request
        contribution, asked = contribution_seen_by(self.person, number), self.sent(TrialInput)
        try_fit_again(person=self.person, fit=_fit(contribution, release, asked))
        return self.shown(FitDetailShape, _fit(contribution, release, asked), status=202)


def _fits(contribution: Contribution, asked: dict[str, Any]) -> QuerySet[Fit, Fit]:
    found: QuerySet[Fit, Fit] = Fit.objects.filter(revision__contribution=contribution)
    wanted = {"revision__number": asked["revision"]} if "revision" in asked else {"revision": contribution.current}
    return found.filter(**wanted).select_related("revision", "release").defer(*LARGE)


def _fit(contribution: Contribution, release: str, asked: dict[str, Any]) -> Fit:
    rows = _fits(contribution, asked).filter(named(release, "release__"))
    found = rows.select_related("revision", "release__component", "clash", "inquiry").first()
    if found is None:
        raise Missing(f"It was not tried on a release {release[:60]!r}.")
    return found
