"""What people do to stacks: make one, change what is in it, have it laid and built, copy it, put it away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contributions.actions import assembling, stacking, trying_again
from contributions.errors import Invalid, Missing
from contributions.forms.stacking import ChangeForm, CopyForm, PickForm, StackForm
from contributions.models import Assembly, Component, Contribution, Stack

from .contribution import find as find_contribution
from .entering import person_of, verb
from .refusals import answer_form, carried_out, patient, status_of_form
from .stack_choices import Choices
from .stacks import find, show_stack

MOST_LISTED = 100  # stacks that a contribution may be put into at once

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Person


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stack_new(request: HttpRequest) -> HttpResponse:
    """First the component, unless what it is made of says it; then the rest."""
    person, choices = person_of(request), Choices(request)
    if choices.component is None:
        return render(request, "stack/component.html", {"components": Component.objects.order_by("name")})
    context: dict[str, object] = {"choices": choices, "component": choices.component}
    if request.method != "POST":
        form = StackForm(component=choices.component, person=person, initial=choices.initial(person))
        return render(request, "stack/new.html", {"form": form, **context})
    form = StackForm(request.POST, component=choices.component, person=person)
    made = carried_out(form, lambda: _made(form, person, choices))
    if made is None:
        return answer_form(request, "stack/new.html", form, context)
    return redirect(made)


def _made(form: StackForm, person: Person, choices: Choices) -> Stack:
    if choices.component is None:
        raise Missing("There is no such component.")
    given = {"component": choices.component, "contributions": choices.ticked(), **form.cleaned_data}
    return stacking.make_stack(author=person, **given)


@verb("stack")
def stack_change(request: HttpRequest, number: int) -> HttpResponse:
    stack = find(request, number)
    form = ChangeForm(request.POST, component=stack.component)
    person = person_of(request)
    made = carried_out(form, lambda: stacking.change_stack(person=person, stack=stack, **form.cleaned_data))
    if made is None:
        return patient(form, show_stack(request, stack, change_form=form, status=status_of_form(form)))
    messages.success(request, "Saved.")
    return redirect(stack)


@verb("stack")
def stack_pick(request: HttpRequest, number: int) -> HttpResponse:
    stack, person = find(request, number), person_of(request)
    form = PickForm(request.POST)

    def act() -> Any:
        numbers = form.cleaned_data["contribution"]
        known = Contribution.objects.visible_to(person).select_related("component").in_bulk(numbers)
        missing = [f"#{one}" for one in numbers if one not in known]
        if missing:
            raise Missing(f"There is no {', '.join(missing)}, or you may not know of it.", field="contribution")
        return stacking.pick(person=person, stack=stack, contributions=[known[one] for one in numbers])

    made = carried_out(form, act)
    if made is None:
        return patient(form, show_stack(request, stack, pick_form=form, status=status_of_form(form)))
    return redirect(f"{stack.get_absolute_url()}#picks")


@verb("stack", by="number")
def stack_repick(request: HttpRequest, number: int, contribution: int) -> HttpResponse:
    """One form a row: `act` is up, down, remove or pin; with pin `revision` is a number, or nothing to follow."""
    stack, person, act = find(request, number), person_of(request), request.POST.get("act", "")
    about = {"person": person, "stack": stack, "contribution": contribution}
    if act in {stacking.UP, stacking.DOWN}:
        stacking.move(**about, to=act)  # type: ignore[arg-type]
    elif act == "remove":
        stacking.unpick(**about)  # type: ignore[arg-type]
    elif act == "pin":
        stacking.pin(**about, revision=_number(request, "revision"))  # type: ignore[arg-type]
    else:
        raise Invalid("Move it up or down, take it out, or pin a revision.")
    return redirect(f"{stack.get_absolute_url()}#pick-{contribution}")


def _number(request: HttpRequest, name: str) -> int | None:
    word = request.POST.get(name, "")
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) < 9):  # noqa: PLR2004 - fits an integer
        raise Invalid(f"The {name} is told by its number.")
    return int(word)


@verb("stack")
def stack_assemble(request: HttpRequest, number: int) -> HttpResponse:
    stack = find(request, number)
    row = assembling.assemble(person=person_of(request), stack=stack, build="build" in request.POST)
    return redirect(row)


def _assembly(request: HttpRequest, number: int, serial: int) -> Assembly:
    stack = find(request, number)
    row: Assembly | None = (
        Assembly.objects.filter(stack=stack, number=serial).select_related("stack__component", "release").first()
    )
    if row is None:
        raise Missing("This stack was not assembled that often.")
    return row


@verb("assembly")
def assembly_build(request: HttpRequest, number: int, serial: int) -> HttpResponse:
    row = _assembly(request, number, serial)
    assembling.build_assembly(person=person_of(request), assembly=row)
    return redirect(row)


@verb("assembly")
def assembly_try_again(request: HttpRequest, number: int, serial: int) -> HttpResponse:
    row = _assembly(request, number, serial)
    trying_again.try_assembly_again(person=person_of(request), assembly=row)
    messages.success(request, "It is tried again as soon as a worker is free.")
    return redirect(row)


@verb("stack")
def stack_copy(request: HttpRequest, number: int) -> HttpResponse:
    stack, person = find(request, number), person_of(request)
    form = CopyForm(request.POST, person=person)
    made = carried_out(form, lambda: stacking.copy_stack(person=person, stack=stack, **form.cleaned_data))
    if made is None:
        return patient(form, show_stack(request, stack, copy_form=form, status=status_of_form(form)))
    messages.success(request, "This is your copy.")
    return redirect(made)


@verb("stack")
def stack_archive(request: HttpRequest, number: int) -> HttpResponse:
    back = request.POST.get("back") == "yes"
    stack = stacking.archive(person=person_of(request), stack=find(request, number), back=back)
    messages.success(request, "It is back." if back else "It is archived; its history stays.")
    return redirect(stack)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def contribution_stacks(request: HttpRequest, number: int) -> HttpResponse:
    """Put one contribution into a stack that one carries."""
    contribution, person = find_contribution(request, number), person_of(request)
    rows = Stack.objects.carried_by(person).filter(component=contribution.component_id, archived_at=None)
    if request.method == "POST":
        chosen = rows.filter(pk=_number(request, "stack") or 0).first()
        if chosen is None:
            raise Missing("Choose one of the stacks that you carry.")
        stacking.pick(person=person, stack=chosen, contributions=[contribution])
        messages.success(request, f"Added to {chosen.name}.")
        return redirect(f"{chosen.get_absolute_url()}#pick-{contribution.pk}")
    context = {
        "contribution": contribution,
        "stacks": rows.with_names().with_news().order_by("-pk")[:MOST_LISTED],
        "holding": set(contribution.picks.filter(stack__in=rows).values_list("stack", flat=True)),
    }
    return render(request, "stack/add.html", context)
