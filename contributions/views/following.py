"""What somebody follows: the button beside each thing, the list of all of it, and the searches that were saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, Count, Max, Q, Value, When
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.actions import following as acts
from contributions.errors import Invalid
from contributions.forms.following import NameForm, SearchForm
from contributions.models import Contribution, Follow, Person, Stack
from contributions.models.following import THINGS, key_of
from contributions.plaintext import clean

from .entering import person_of, verb
from .paging import page
from .refusals import carried_out, status_of
from .verbs import back

if TYPE_CHECKING:
    from django.db.models import Model
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

FOLLOWED, MUTED = 1, 2


def state_of(user: Any, thing: Model) -> dict[str, Any]:
    """What the button shows: whether one follows or muted it, and how many follow. One query, none for strangers."""
    kind = "person" if isinstance(thing, Person) else THINGS[type(thing)]
    shown = {"thing": thing, "kind": kind, "key": key_of(thing), "user": user, "is_own": thing == user}
    if not user.is_authenticated:
        return shown
    mine = Case(
        When(person=user, is_muted=True, then=Value(MUTED)), When(person=user, then=Value(FOLLOWED)), default=Value(0)
    )
    told = Follow.objects.on(thing).aggregate(count=Count("pk", filter=Q(is_muted=False)), mine=Max(mine))
    return shown | {
        "count": told["count"],
        "is_followed": told["mine"] == FOLLOWED,
        "is_muted": told["mine"] == MUTED,
    }


@verb("following", of_the_same=False)
def follow(request: HttpRequest) -> HttpResponse:
    """Follow, leave or mute the thing that the form names, and go back to it."""
    person, act = person_of(request), request.POST.get("act", "")
    thing = acts.thing_called(person, request.POST.get("thing", ""), clean(request.POST.get("key", "")))
    if act == "follow":
        acts.follow(person=person, thing=thing)
    elif act == "unfollow":
        acts.unfollow(person=person, thing=thing)
    elif act == "mute" and isinstance(thing, Stack):
        acts.mute_stack(person=person, stack=thing)
    elif act == "mute" and isinstance(thing, Contribution):
        acts.mute(person=person, contribution=thing)
    else:
        raise Invalid("Follow it or leave it; a contribution or a stack can be muted too.")
    if request.headers.get("HX-Request"):
        return render(request, "_follow.html", state_of(person, thing) | {"back": request.POST.get("next", "")})
    return back(request, thing.get_absolute_url())


@login_required
@require_safe
def following(request: HttpRequest) -> HttpResponse:
    return _shown(request)


def _shown(request: HttpRequest, form: BaseForm | None = None, status: int = 200) -> HttpResponse:
    person = person_of(request)
    rows = Follow.objects.seen_by(person).filter(search=None).with_things()
    context = {
        "page": page(request, rows, ("-pk",)),
        "searches": person.searches.annotate(follower_count=Count("followers")),
        "form": form or SearchForm(initial={"query": request.GET.get("q", "")}),
    }
    return render(request, "following.html", context, status=status)


@verb("following", of_the_same=False)
def search_save(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.POST)
    made = carried_out(form, lambda: acts.save_search(person=person_of(request), **form.cleaned_data))
    if made is None:
        return _shown(request, form, _status(form))
    messages.success(request, f"Saved as “{made.name}”.")
    return redirect("following")


@verb("following", of_the_same=False)
def search_rename(request: HttpRequest, number: int) -> HttpResponse:
    person, form = person_of(request), NameForm(request.POST)
    search = acts.thing_called(person, "search", str(number))
    made = carried_out(form, lambda: acts.rename_search(person=person, search=search, **form.cleaned_data))
    if made is None:
        messages.error(request, " ".join(str(sentence) for sentence in form.errors["name"]))
    return redirect("following")


@verb("following", of_the_same=False)
def search_remove(request: HttpRequest, number: int) -> HttpResponse:
    person = person_of(request)
    acts.remove_search(person=person, search=acts.thing_called(person, "search", str(number)))
    messages.success(request, "Removed.")
    return redirect("following")


def _status(form: BaseForm) -> int:
    refusal = getattr(form, "refusal", None)
    return status_of(refusal) if refusal else 400
