"""Following: what somebody wants to hear of, wants to hear no more of, and looks for again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import (
    Component,
    Contribution,
    Event,
    Follow,
    Notification,
    Organisation,
    Person,
    Release,
    SavedSearch,
    Stack,
)
from contributions.models.finding import found
from contributions.models.following import QUERY_LENGTH, THINGS, key_of
from contributions.plaintext import clean

from .pacing import pace
from .words import one_line

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

NAME_LENGTH = 60
MOST_SEARCHES = 50
MOST_DIGITS = 19  # of a key that the database can hold
NAMED: dict[str, type[Model]] = {"component": Component, "person": Person, "organisation": Organisation}


def thing_called(person: Person, kind: str, key: str) -> Any:
    """What may be followed: a contribution, stack or search by number, all else by its name. Raises Missing."""
    rows = _rows(person, kind)
    by_number = kind in {"contribution", "stack", "search"}
    if by_number and not (key.isascii() and key.isdigit() and len(key) < MOST_DIGITS):
        raise Missing(f"A {kind} is named by its number.")
    field = "pk" if by_number else "username" if kind == "person" else "slug"
    found = rows.filter(**{field: key}).first()
    if found is None:
        raise Missing(f"There is no such {kind}, or you may not know of it.")
    return found


def _rows(person: Person, kind: str) -> QuerySet[Any]:
    if kind == "contribution":
        return Contribution.objects.visible_to(person).select_related("component")
    if kind == "stack":
        return Stack.objects.visible_to(person)
    if kind == "search":
        return SavedSearch.objects.filter(person=person)
    if kind == "release":
        return Release.objects.select_related("component")
    if kind not in NAMED:
        raise Missing("Follow a contribution, component, release, person, organisation, stack or search.")
    return NAMED[kind]._base_manager.all()


def follow(*, person: Person, thing: Model) -> Follow:
    """Be told of what becomes of it from now on; what was muted is heard again."""
    _refuse_nonsense(person, thing)
    return _set(person, thing, is_muted=False)


def mute(*, person: Person, contribution: Contribution) -> Follow:
    """Be told no more of it, whatever else would be a reason to; what was not read yet counts as read."""
    row = _set(person, contribution, is_muted=True)
    Notification.objects.filter(person=person, contribution=contribution).mark_read()
    return row


def mute_stack(*, person: Person, stack: Stack) -> Follow:
    """Be told no more of what happens to what is in it; another stack, or following, may still be a reason to."""
    row = _set(person, stack, is_muted=True)
    Notification.objects.filter(person=person, event__stack=stack).mark_read()
    return row


def unfollow(*, person: Person, thing: Model) -> None:
    """Neither follow nor mute it; taking part follows it again. Not to follow it is what was asked for, so no error."""
    pace(person, Event.Verb.FOLLOWED)
    with transaction.atomic():
        gone, _ = Follow.objects.of(person, thing).delete()
        if gone:
            _note(person, thing, "Left")


def _set(person: Person, thing: Model, *, is_muted: bool) -> Follow:
    pace(person, Event.Verb.FOLLOWED)
    said = {"is_muted": is_muted, "is_chosen": True}
    of: dict[str, Any] = {THINGS[type(thing)]: thing}
    with transaction.atomic():
        row, _ = Follow.objects.update_or_create(person=person, **of, defaults=said)
        _note(person, thing, "Muted" if is_muted else "Followed")
    return row


def _refuse_nonsense(person: Person, thing: Model) -> None:
    if isinstance(thing, SavedSearch) and thing.person_id != person.pk:
        raise NotAllowed("This search is somebody else's.")
    if isinstance(thing, Person) and thing.pk == person.pk:
        raise Invalid("You know what you do yourself: follow somebody else.")
    if isinstance(thing, Person) and not thing.is_active:
        raise Invalid("This account is suspended.")


def save_search(*, person: Person, name: str, query: str, is_followed: bool = True) -> SavedSearch:
    """Keep a search under a name of one's own; whoever follows it is told of what it finds from now on."""
    pace(person, Event.Verb.FOLLOWED)
    name = one_line(name, most=NAME_LENGTH, what="The name", field="name")
    query = one_line(query, most=QUERY_LENGTH, what="The search", field="query")
    found(query, person)
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        if person.searches.count() >= MOST_SEARCHES:
            raise Invalid(f"You have {MOST_SEARCHES} saved searches, the most there can be; remove one first.")
        made = _named(SavedSearch(person=person, query=query), name)
        if is_followed:
            Follow.objects.create(person=person, search=made)
        _note(person, made, "Saved")
    return made


def rename_search(*, person: Person, search: SavedSearch, name: str) -> SavedSearch:
    _refuse_others(person, search)
    pace(person, Event.Verb.FOLLOWED)
    name = one_line(name, most=NAME_LENGTH, what="The name", field="name")
    with transaction.atomic():
        _named(search, name)
        _note(person, search, "Renamed")
    return search


def remove_search(*, person: Person, search: SavedSearch) -> None:
    _refuse_others(person, search)
    pace(person, Event.Verb.FOLLOWED)
    with transaction.atomic():
        _note(person, search, "Removed")
        search.delete()


def _refuse_others(person: Person, search: SavedSearch) -> None:
    if search.person_id != person.pk:
        raise NotAllowed("This search is somebody else's.")


def _named(search: SavedSearch, name: str) -> SavedSearch:
    search.name = name
    try:
        with transaction.atomic():
            search.save()
    except IntegrityError:
        raise Clash(f"You have a search called “{clean(name)}” already.", field="name") from None
    return search


def _note(person: Person, thing: Model, word: str) -> None:
    """In the history, where only the person and staff read it; a contribution by its number, whoever may see it."""
    Event.objects.write(Event.Verb.FOLLOWED, actor=person, text=f"{word} {thing._meta.verbose_name} {key_of(thing)}.")
