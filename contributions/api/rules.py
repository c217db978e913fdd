"""What components ask of contributions, and where a contribution stands with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.actions.maintaining import fetch_upstream, retire, support
from contributions.actions.ruling import set_rules
from contributions.actions.vocabulary import Wanted, set_traits
from contributions.errors import Missing
from contributions.models import ApiToken, checklist_of

from .inputs import RulesInput, VocabularyInput
from .lookups import component_named, contribution_seen_by, named
from .resource import Resource
from .shapes.components import ReleaseShape
from .shapes.judging import VocabularyShape
from .shapes.rules import ChecklistShape, FetchShape, RulesShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Component, Release


class Keeping(Resource):
    """What maintainers and staff decide; a token needs the scope that approves."""

    writing_scope = ApiToken.Scope.REVIEW


class ComponentRules(Keeping):
    is_sensitive = True
    http_method_names = ["get", "head", "patch"]

    @extend_schema(operation_id="rules_show", responses=RulesShape, summary="Show a component's rules")
    def get(self, request: Request, slug: str) -> Response:
        """What it asks before a contribution is approved, as values and in words."""
        del request
        return self.shown(RulesShape, component_named(slug))

    @extend_schema(
        operation_id="rules_set", request=RulesInput, responses=RulesShape, summary="Change a component's rules"
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Those that are named; its maintainers and staff may. What is open is looked at anew."""
        del request
        component = set_rules(person=self.person, component=component_named(slug), rules=self.sent(RulesInput))
        return self.shown(RulesShape, component)


class Vocabulary(Keeping):
    @extend_schema(operation_id="traits_list", responses=VocabularyShape, summary="List a component's traits")
    def get(self, request: Request, slug: str) -> Response:
        """What field reports on it may tell of where it runs."""
        del request
        return self._told(component_named(slug))

    @extend_schema(
        operation_id="traits_set",
        request=VocabularyInput,
        responses=VocabularyShape,
        summary="Set the traits of a component",
    )
    def put(self, request: Request, slug: str) -> Response:
        """All of them; its maintainers and staff may. Earlier reports keep what they say."""
        del request
        component = component_named(slug)
        wanted = [Wanted(row["name"].strip(), tuple(row["choices"])) for row in self.sent(VocabularyInput)["traits"]]
        set_traits(person=self.person, component=component, traits=wanted)
        return self._told(component)

    def _told(self, component: Component) -> Response:
        return self.shown(VocabularyShape, {"traits": component.traits.all()})


class ReleaseSupport(Keeping):
    @extend_schema(operation_id="releases_support", request=None, responses=ReleaseShape, summary="Support a release")
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Judge and build on it again; `name` is its name or slug."""
        del request
        return self.shown(ReleaseShape, support(person=self.person, release=_release(slug, name)))


class ReleaseRetirement(Keeping):
    @extend_schema(operation_id="releases_retire", request=None, responses=ReleaseShape, summary="Retire a release")
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Judge and build on it no more; `name` is its name or slug."""
        del request
        return self.shown(ReleaseShape, retire(person=self.person, release=_release(slug, name)))


def _release(slug: str, name: str) -> Release:
    found: Release | None = component_named(slug).releases.select_related("component").filter(named(name)).first()
    if found is None:
        raise Missing(f"There is no release {name[:60]!r} of this component.")
    return found


class ComponentFetch(Keeping):
    @extend_schema(
        operation_id="components_fetch",
        request=None,
        responses={202: OpenApiResponse(FetchShape, description="Queued, or waiting already.")},
        summary="Pull a component from upstream",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Its maintainers and staff may; new tags and branches that match become releases."""
        del request
        fetch = fetch_upstream(component=component_named(slug), actor=self.person)
        return self.shown(FetchShape, fetch, status=202)


class ContributionChecklist(Resource):
    @extend_schema(operation_id="checklist", responses=ChecklistShape, summary="Show where it stands with the rules")
    def get(self, request: Request, number: int) -> Response:
        """Each rule of its component, met or not, and why; without any until a revision was received."""
        del request
        contribution = contribution_seen_by(self.eyes, number)
        checklist = checklist_of(contribution)
        shown = {
            "state": contribution.state,
            "revision": contribution.current.number if contribution.current else None,
            "is_met": checklist is not None and checklist.is_met,
            "is_approved_by_people": checklist is not None and checklist.is_approved_by_people,
            "summary": checklist.summary if checklist else "It waits to be received.",
            "looked_at_again": contribution.settles_at,
            "checks": checklist.checks if checklist else (),
        }
        return self.shown(ChecklistShape, shown)
