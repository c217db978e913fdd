"""Who says which of upstream's names become releases: the page, REST, and what is refused."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils import timezone

from contributions import patterns
from contributions.actions.watching import set_watching
from contributions.checkout.mirror import Found
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Component, Event, Person, Release
from contributions.pipeline.foreseeing import foresee, keep
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.pipeline.foreseeing import Name

pytestmark = pytest.mark.django_db
PAGE = "/components/swift/watching/"
REST = "components/swift/watching/"
FINAL, CANDIDATE = r"\d+\.\d+", r"\d+\.\d+rc\d"


@pytest.fixture
def maintainer() -> Person:
    return factories.make_person("maintainer")


@pytest.fixture
def component(maintainer: Person) -> Component:
    component = factories.make_component(
        "swift",
        maintainers=(maintainer,),
        name="Swift",
        release_pattern=FINAL,
        candidate_pattern=CANDIDATE,
        cool_down_days=3,
    )
    factories.make_release(component, "1.0")
    now = timezone.now()
    tags = ["1.0", "1.1rc1", "1.1", "2.0rc1", "2.0rc2", "beta-3"]
    kept = [Found(name, "tag", "", now + timedelta(hours=place)) for place, name in enumerate(tags)]
    keep(component.pk, [*kept, Found("main", "branch", "", now), Found("9.9", "branch", "", now)])
    return component


def seen(answer: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def form_of(component: Component, **given: Any) -> dict[str, Any]:
    usual = {"release_pattern": FINAL, "candidate_pattern": CANDIDATE, "watch_minutes": "60"}
    return usual | {"seen": component.watching_digest} | given


def named(names: tuple[Name, ...]) -> list[str]:
    return [one.name for one in names]


def test_it_is_told_what_patterns_would_make_before_they_are_set(component: Component) -> None:
    found = foresee(component, release_pattern=FINAL, candidate_pattern=CANDIDATE)
    assert found
    assert named(found.releases) == ["9.9", "1.1", "1.0"]
    assert [one.name for one in found.releases if one.is_branch] == ["9.9"]
    assert [one.name for one in found.releases if one.is_known] == ["1.0"]
    assert named(found.candidates) == ["2.0rc2"], "the others are over"
    assert (found.over, found.left, found.new) == (2, 1, 3)
    assert (found.branches, found.gone) == (("main",), ())
    none = foresee(component, release_pattern="main", candidate_pattern="")
    assert none
    assert (named(none.releases), none.candidates, none.gone) == (["main"], (), ("1.0",))


def test_the_page_previews_without_a_script_and_changes_nothing(component: Component, maintainer: Person) -> None:
    client = signed_in(maintainer)
    shown = seen(client.get(PAGE))
    assert "3 new releases at the next pull." in shown
    assert "Candidates 1 2.0rc2 new" in shown
    tried = client.post(PAGE, form_of(component, release_pattern="beta.*", preview="1"))
    assert tried.status_code == 200
    assert "Releases 1 beta-3 new" in seen(tried)
    assert 'value="beta.*"' in tried.content.decode(), "and what was typed is still there"
    component.refresh_from_db()
    assert component.release_pattern == FINAL
    assert not component.fetches.exists()


def test_names_that_are_not_known_yet_are_said_to_be_so(component: Component, maintainer: Person) -> None:
    cache.clear()
    assert "names are not known here yet" in seen(signed_in(maintainer).get(PAGE))
    component.release_pattern = "(never"
    component.save()
    assert signed_in(maintainer).get(PAGE).status_code == 200, "what is set already may be wrong"


def test_a_maintainer_sets_it_and_upstream_is_pulled_by_the_new_patterns(
    component: Component, maintainer: Person
) -> None:
    client = signed_in(maintainer)
    assert client.post(PAGE, form_of(component, watch_minutes="90"))["Location"] == PAGE
    component.refresh_from_db()
    assert component.watch_minutes == 90
    assert not component.fetches.exists(), "its names are read as before"
    client.post(PAGE, form_of(component, candidate_pattern="", watch_minutes="90"))
    assert [row.state for row in component.fetches.all()] == ["queued"]
    told = Event.objects.filter(verb="ruled", actor=maintainer).values_list("text", flat=True)
    assert list(told) == [f"Candidate pattern: {CANDIDATE} → none.", "Watch minutes: 60 → 90."]
    assert "Watch minutes: 60 → 90." in seen(signed_in(None).get("/components/swift/rules/"))
    assert Release.objects.filter(component=component).count() == 1


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ({"release_pattern": "("}, 400, "The release pattern is not a regular expression: missing )"),
        ({"candidate_pattern": "(?=a)"}, 400, "It may not look ahead or behind"),
        ({"release_pattern": r"(a)\1"}, 400, "has an escape sequence that is not known here"),
        ({"release_pattern": r"((\w{900}){900}){900}"}, 400, "It repeats something too often"),
        ({"release_pattern": "a" * 201}, 400, "at most 200 characters"),
        ({"release_pattern": ""}, 400, "This field is required"),
        ({"watch_minutes": "4"}, 400, "Pull it every 5 minutes or less often"),
        ({"watch_minutes": "-1"}, 400, "greater than or equal to 0"),
        ({"watch_minutes": "20000"}, 400, "less than or equal to 10080"),
        ({"watch_minutes": "soon"}, 400, "Enter a whole number"),
        ({"seen": "of yesterday"}, 409, "Somebody changed this meanwhile"),
    ],
)
def test_what_cannot_be_used_is_refused_beside_its_field(
    component: Component, maintainer: Person, given: dict[str, str], status: int, sentence: str
) -> None:
    answer = signed_in(maintainer).post(PAGE, form_of(component, **given))
    assert answer.status_code == status
    assert sentence in seen(answer)
    component.refresh_from_db()
    assert (component.release_pattern, component.watch_minutes) == (FINAL, 60)
    assert not Event.objects.filter(verb="ruled").exists()


@pytest.mark.attack("W23")
@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(a|a)*b", r"(.*a){20}b", "a?" * 60 + "a" * 60])
def test_no_pattern_takes_longer_than_its_name_is_long(pattern: str) -> None:
    begun = time.process_time()
    assert not patterns.read(pattern).fullmatch("a" * 250 + "!")
    assert time.process_time() - begun < 1


def test_the_control_a_backtracking_matcher_is_lost_in_such_a_pattern() -> None:
    begun = time.process_time()
    assert not re.fullmatch(r"(a+)+b", "a" * 20 + "!")
    short = time.process_time() - begun
    assert not re.fullmatch(r"(a+)+b", "a" * 23 + "!")
    assert time.process_time() - begun > 3 * short, "each letter doubles it"


def test_a_pattern_that_takes_everything_is_no_flood_of_releases(component: Component, maintainer: Person) -> None:
    keep(component.pk, [Found(f"{number}.0", "tag", "", timezone.now()) for number in range(300)])
    for pattern in (".*", r"\d\d+\..*"):
        with pytest.raises(TooLarge, match="new releases; 200 at once are the most"):
            set_watching(person=maintainer, component=component, watching={"release_pattern": pattern})
    set_watching(person=maintainer, component=component, watching={"release_pattern": r"1\d+\..*"})


def test_only_its_keepers_and_nobody_whose_account_changed_hands(component: Component, maintainer: Person) -> None:
    with pytest.raises(NotAllowed):
        set_watching(person=factories.make_person(), component=component, watching={"watch_minutes": 90})
    Person.objects.filter(pk=maintainer.pk).update(changed_hands_at=timezone.now())
    maintainer.refresh_from_db()
    with pytest.raises(NotAllowed, match="may have changed hands"):
        set_watching(person=maintainer, component=component, watching={"watch_minutes": 90})
    staff = factories.make_person(is_staff=True)
    with pytest.raises(Invalid, match="There is no 'slug' here"):
        set_watching(person=staff, component=component, watching={"slug": "other"})
    with pytest.raises(Clash):
        set_watching(person=staff, component=component, watching={"watch_minutes": 90}, seen="other")


@pytest.mark.usefixtures("component")
def test_machines_see_set_and_preview_the_same(maintainer: Person) -> None:
    keeper = Caller(token=make_token(maintainer, "review"))
    assert Caller().get(REST).json()["watch_minutes"] == 60
    told = keeper.post(f"{REST}preview/", {"candidate_pattern": ""}).json()
    assert [one["name"] for one in told["releases"]] == ["9.9", "1.1", "1.0"]
    assert (told["candidates"], told["left"]) == ([], 4)
    answer = keeper.call("patch", REST, {"release_pattern": "[", "watch_minutes": 30})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["release_pattern"])
    assert keeper.call("patch", REST, {"watch_minutes": 30}).json()["watch_minutes"] == 30
    assert keeper.call("patch", REST, {"pattern": "x"}).status_code == 400


def test_the_administration_refuses_such_a_pattern_too(component: Component) -> None:
    component.candidate_pattern = "(?!x)"
    with pytest.raises(ValidationError, match="It may not look ahead"):
        component.full_clean()


def test_a_maintainer_retires_and_supports_a_release_from_its_page(component: Component, maintainer: Person) -> None:
    page, form = "/components/swift/releases/1.0/", {"release": component.releases.get().slug}
    for act, word, state in (("retire", "Retire it", "retired"), ("support", "Support it again", "supported")):
        assert word in seen(signed_in(maintainer).get(page))
        assert word not in seen(signed_in(None).get(page))
        assert signed_in(maintainer).post(f"/components/swift/{act}/", form).status_code == 302
        assert component.releases.get().state == state
