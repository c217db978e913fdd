"""Stacks: the list, one of them, what is in it, and having it laid and built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import SAFE_METHODS

from contributions.actions import assembling, stacking
from contributions.actions.depending import set_dependencies
from contributions.actions.trying_again import try_assembly_again
from contributions.errors import Invalid, Missing
from contributions.models import Artifact, Assembly, Build, Contribution, Organisation, Stack
from contributions.models.depending import needs_of
from contributions.models.planning import Plan

from .lookups import component_meant, contribution_seen_by, release_meant
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.stacks import AssemblyDetailShape, AssemblyShape, DependenciesShape, StackDetailShape, StackShape
from .stack_inputs import (
    AssembleInput,
    CopyInput,
    DependenciesInput,
    PicksInput,
    RepickInput,
    StackChangeInput,
    StackInput,
    StacksQuery,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Component, Person, Release

    Eyes = Person | AnonymousUser

CREATED = 201
CHANGED = OpenApiResponse(StackDetailShape, description="As it is now.")


def stack_seen_by(eyes: Eyes, number: int) -> Stack:
    found = Stack.objects.visible_to(eyes).with_names().with_news().filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no stack {number}, or you may not know of it.")
    return found


def _release(component: Component, name: str) -> Release:
    found = release_meant(component, name)
    if found is None:
        raise Invalid("Name the release.", field="release")
    return found


class _Stacked(Resource):
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def told(self, number: int, *, status: int = 200) -> Response:
        """The stack as it is now, to whoever reads or has changed it."""
        eyes = self.eyes if self.request.method in SAFE_METHODS else self.person
        stack: Any = stack_seen_by(eyes, number)
        stack.plan = Told(stack, eyes)
        at = reverse("api-stack", args=[number]) if status == CREATED else ""
        return self.shown(StackDetailShape, stack, status=status, at=at)

    def organisation(self, slug: str) -> Organisation | None:
        if not slug:
            return None
        found = Organisation.objects.filter(slug=slug, memberships__person=self.person).first()
        if found is None:
            raise Invalid("You belong to no such organisation.", field="organisation")
        return found

    def contributions(self, numbers: Sequence[int]) -> list[Contribution]:
        known = Contribution.objects.visible_to(self.person).select_related("component").in_bulk(numbers)
        if missing := [f"#{number}" for number in numbers if number not in known]:
            raise Invalid(f"There is no {', '.join(missing)}, or you may not know of it.", field="contributions")
        return [known[number] for number in numbers]


class Told(Plan):
    """The plan, as REST tells it."""

    @property
    def is_whole(self) -> bool:
        return self.stack.is_carried_by(self.eyes)

    @property
    def hidden(self) -> int:
        return len(self.picks) - len(self.visible)

    @property
    def hurdles_told(self) -> list[str]:
        return self.hurdles if self.is_whole else []

    @property
    def order_told(self) -> list[int]:
        return [number for number in self.order if number in self.visible]

    @property
    def lacks_told(self) -> list[dict[str, Any]]:
        return [
            {"contribution": lack.number, "needs": lack.needed.pk, "sentence": lack.sentence} for lack in self.lacks
        ]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [self._told(pick) for pick in self.picks if pick.contribution_id in self.visible]

    def _told(self, pick: Any) -> dict[str, Any]:
        number = pick.contribution_id
        revision, fit = self.revisions.get(number), self.fits.get(number)
        return {
            "contribution": number,
            "revision": revision.number if revision else None,
            "pinned": pick.revision_id is not None,
            "port": bool(revision and revision.ports_id),
            "fit": fit.state if fit else None,
            "needs": sorted(self.within.get(number, frozenset()) & self.visible),
            "unknown": self.needs[number].unknown if number in self.needs else [],
        }


class Stacks(_Stacked):
    @extend_schema(
        operation_id="stacks_list", parameters=[StacksQuery], responses=paged(StackShape), summary="Find stacks"
    )
    def get(self, request: Request) -> Response:
        """Newest first: public ones, and those that you or your organisations carry."""
        asked = self.asked(StacksQuery)
        rows = Stack.objects.visible_to(self.eyes).with_names().with_news()
        if "component" in asked:
            rows = rows.filter(component__slug=asked["component"])
        show = asked.get("show", "all")
        if show == "public":
            rows = rows.filter(is_public=True, archived_at=None)
        elif show != "all":
            carried = rows.carried_by(self.eyes) if self.eyes.is_authenticated else rows.none()
            rows = carried.filter(archived_at__isnull=show == "carried")
        del request
        return self.listed(StackShape, rows, asked, "-pk")

    @extend_schema(
        operation_id="stacks_make",
        request=StackInput,
        responses={201: OpenApiResponse(StackDetailShape, description="Made.")},
        summary="Make a stack",
    )
    def post(self, request: Request) -> Response:
        """For an organisation of yours, whose members see and change it, or for you alone."""
        del request
        sent = self.sent(StackInput)
        component = component_meant(sent["component"])
        made = stacking.make_stack(
            author=self.person,
            component=component,
            release=_release(component, sent["release"]),
            name=sent["name"],
            note=sent.get("note", ""),
            organisation=self.organisation(sent.get("organisation", "")),
            is_public=sent.get("public", False),
            contributions=self.contributions(sent.get("contributions", [])),
        )
        return self.told(made.pk, status=201)


class OneStack(_Stacked):
    @extend_schema(operation_id="stacks_show", responses=StackDetailShape, summary="Show a stack")
    def get(self, request: Request, number: int) -> Response:
        """What is in it, in which order, what it lacks, and why it cannot be laid if it cannot."""
        del request
        return self.told(number)

    @extend_schema(operation_id="stacks_change", request=StackChangeInput, responses=CHANGED, summary="Change a stack")
    def patch(self, request: Request, number: int) -> Response:
        """Those who carry it may; what is not sent stays as it is."""
        del request
        stack, sent = stack_seen_by(self.person, number), self.sent(StackChangeInput)
        if "archived" in sent and sent["archived"] != stack.is_archived:
            stacking.archive(person=self.person, stack=stack, back=not sent["archived"])
        given: dict[str, Any] = {name: sent[name] for name in ("name", "note") if name in sent}
        if "release" in sent:
            given["release"] = _release(stack.component, sent["release"])
        if "public" in sent:
            given["is_public"] = sent["public"]
        if given or "archived" not in sent:
            stacking.change_stack(person=self.person, stack=stack, **given)
        return self.told(number)


class Picks(_Stacked):
    @extend_schema(operation_id="stacks_pick", request=PicksInput, responses=CHANGED, summary="Add to a stack")
    def post(self, request: Request, number: int) -> Response:
        """What is in it already stays where it is."""
        del request
        stack, sent = stack_seen_by(self.person, number), self.sent(PicksInput)
        found = self.contributions(sent["contributions"])
        stacking.pick(person=self.person, stack=stack, contributions=found, revision=sent.get("revision"))
        return self.told(number)


class OnePick(_Stacked):
    @extend_schema(operation_id="stacks_repick", request=RepickInput, responses=CHANGED, summary="Pin or move a pick")
    def put(self, request: Request, number: int, contribution: int) -> Response:
        """Take a revision of it and no other, follow the current one, or move it in the order asked for."""
        stack = stack_seen_by(self.person, number)
        body = RepickInput(data=request.data)
        body.is_valid(raise_exception=True)
        sent: dict[str, Any] = dict(body.validated_data)
        if not sent:
            raise Invalid("Say which revision to pin, or where to move it.")
        if "revision" in sent:
            stacking.pin(person=self.person, stack=stack, contribution=contribution, revision=sent["revision"])
        if "move" in sent:
            stacking.move(person=self.person, stack=stack, contribution=contribution, to=sent["move"])
        return self.told(number)

    @extend_schema(
        operation_id="stacks_unpick",
        responses={204: OpenApiResponse(description="It is out.")},
        summary="Take out of a stack",
    )
    def delete(self, request: Request, number: int, contribution: int) -> HttpResponse:
        """By the number of the contribution."""
        del request
        stacking.unpick(person=self.person, stack=stack_seen_by(self.person, number), contribution=contribution)
        return HttpResponse(status=204)


class Copy(_Stacked):
    @extend_schema(
        operation_id="stacks_copy",
        request=CopyInput,
        responses={201: OpenApiResponse(StackDetailShape, description="Copied.")},
        summary="Copy a stack",
    )
    def post(self, request: Request, number: int) -> Response:
        """A private one of your own with what you may see of it."""
        del request
        stack, sent = stack_seen_by(self.person, number), self.sent(CopyInput)
        organisation = self.organisation(sent.get("organisation", ""))
        made = stacking.copy_stack(
            person=self.person, stack=stack, name=sent.get("name", ""), organisation=organisation
        )
        return self.told(made.pk, status=201)


class _Assembled(_Stacked):
    def assembled(self, eyes: Eyes, number: int, serial: int) -> Assembly:
        rows = Assembly.objects.told_to(eyes).filter(stack=stack_seen_by(eyes, number), number=serial)
        found: Assembly | None = rows.select_related("release", "stack__component", "culprit").first()
        if found is None:
            raise Missing(f"There is no assembly {serial} of stack {number}, or you may not know of it.")
        return found

    def detailed(self, row: Any, eyes: Eyes, *, status: int = 200) -> Response:
        row.refresh_from_db()
        builds = Build.objects.known_to(eyes).filter(assembly=row).only("assembly", "depth", "state")
        row.known_builds = builds.order_by("-depth", "-pk")
        whole = builds.filter(depth=row.height, state=Build.State.PASSED).order_by("-pk").values("pk")[:1]
        row.known_artifacts = Artifact.objects.filter(build__in=whole).select_related("blob", "build")
        at = reverse("api-assembly", args=[row.stack_id, row.number])
        return self.shown(AssemblyDetailShape, row, status=status, at=at)


class Assemblies(_Assembled):
    @extend_schema(
        operation_id="assemblies_list",
        parameters=[PageQuery],
        responses=paged(AssemblyShape),
        summary="List each time that a stack was laid",
    )
    def get(self, request: Request, number: int) -> Response:
        """Newest first."""
        del request
        stack = stack_seen_by(self.eyes, number)
        rows = Assembly.objects.told_to(self.eyes).filter(stack=stack).select_related("release")
        return self.listed(AssemblyShape, rows.defer("order", "pairs", "asked"), self.asked(PageQuery), "-number")

    @extend_schema(
        operation_id="assemblies_make",
        request=AssembleInput,
        responses={202: OpenApiResponse(AssemblyDetailShape, description="A worker lays it, unless it is there.")},
        summary="Check, lay and build a stack",
    )
    def post(self, request: Request, number: int) -> Response:
        """The same patches on the same commit are laid once: asking again answers with what is there."""
        del request
        stack, sent = stack_seen_by(self.person, number), self.sent(AssembleInput)
        row = assembling.assemble(person=self.person, stack=stack, build=sent.get("build", True))
        return self.detailed(row, self.person, status=202)


class OneAssembly(_Assembled):
    @extend_schema(operation_id="assemblies_show", responses=AssemblyDetailShape, summary="Show how a stack was laid")
    def get(self, request: Request, number: int, serial: int) -> Response:
        """The order with the reason for each place, the pairs that change the same files, builds and their finding."""
        del request
        return self.detailed(self.assembled(self.eyes, number, serial), self.eyes)


class AssemblyBuild(_Assembled):
    @extend_schema(
        operation_id="assemblies_build",
        request=None,
        responses={202: OpenApiResponse(AssemblyDetailShape, description="Its build is queued, or was made already.")},
        summary="Build what is laid",
    )
    def post(self, request: Request, number: int, serial: int) -> Response:
        """By the recipe as it is now; what was built by that one is not built again."""
        del request
        row = self.assembled(self.person, number, serial)
        assembling.build_assembly(person=self.person, assembly=row)
        return self.detailed(row, self.person, status=202)


class AssemblyTrial(_Assembled):
    @extend_schema(
        operation_id="assemblies_try_again",
        request=None,
        responses={202: OpenApiResponse(AssemblyDetailShape, description="What errored is queued.")},
        summary="Try again what went wrong on our side",
    )
    def post(self, request: Request, number: int, serial: int) -> Response:
        """Its laying, a build of it or of its parts, the bare release; for those who carry the stack."""
        del request
        row = self.assembled(self.person, number, serial)
        try_assembly_again(person=self.person, assembly=row)
        return self.detailed(row, self.person, status=202)


class Dependencies(Resource):
    @extend_schema(
        operation_id="dependencies_show", responses=DependenciesShape, summary="Show what a contribution depends on"
    )
    def get(self, request: Request, number: int) -> Response:
        """As its author says, and as the `Depends-On` lines of its commits name it."""
        del request
        return self._told(contribution_seen_by(self.eyes, number), self.eyes)

    @extend_schema(
        operation_id="dependencies_set",
        request=DependenciesInput,
        responses=DependenciesShape,
        summary="Say what it depends on",
    )
    def put(self, request: Request, number: int) -> Response:
        """All of it; its author may. What its commits name counts by itself."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(DependenciesInput)
        set_dependencies(author=self.person, contribution=contribution, on=sent["depends_on"])
        return self._told(contribution, self.person)

    def _told(self, contribution: Contribution, eyes: Eyes) -> Response:
        current, seen = contribution.current, Contribution.objects.visible_to(eyes)
        revisions = {contribution.pk: current} if current is not None and contribution.has_patch else {}
        needs = needs_of(revisions, contribution.component_id).get(contribution.pk)
        said = seen.filter(needed_by=contribution).order_by("pk").values_list("pk", flat=True)
        named = seen.filter(pk__in=needs.numbers if needs else []).exclude(pk__in=said).order_by("pk")
        told = {"depends_on": list(said), "named": list(named.values_list("pk", flat=True))}
        return self.shown(DependenciesShape, told | {"unknown": needs.unknown if needs else []})
