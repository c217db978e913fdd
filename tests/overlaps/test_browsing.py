"""Browsing contributions by folder and file, and by tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser

from contributions.actions.tagging import tag
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Place, Tag
from contributions.patches import parse_diff
from contributions.pipeline.placing import note_again
from contributions.views import browsing
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component, Person

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


def diff_of(*paths: str) -> bytes:
    text = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"
    return "".join(text.format(path) for path in paths).encode()


def touching(component: Component, *paths: str, **given: object) -> Contribution:
    made = factories.make_contribution(component=component, received=False, title=f"Touches {paths[0]}", **given)
    diff = diff_of(*paths)
    assert parse_diff(diff)
    factories.make_revision(made, diff=diff)
    note_again()
    return made


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift")


def counted(component: Component, folder: str = "", eyes: Person | AnonymousUser = NOBODY) -> dict[str, int]:
    return {step.path: step.count for step in Place.objects.steps(component, folder, eyes, most=99)}


def test_a_folder_tells_how_many_touch_each_thing_in_it(component: Component) -> None:
    touching(component, "swift/proxy/server.py", "swift/proxy/controllers/base.py", "README")
    touching(component, "swift/proxy/server.py")
    touching(factories.make_component("nova"), "swift/proxy/server.py")
    assert counted(component) == {"README": 1, "swift": 2}
    assert counted(component, "swift/proxy") == {"swift/proxy/controllers": 1, "swift/proxy/server.py": 2}


def test_what_is_hidden_is_not_counted_for_those_who_may_not_see_it(component: Component) -> None:
    touching(component, "a.py")
    draft = touching(component, "a.py", is_draft=True)
    held = touching(component, "b.py")
    Contribution.objects.filter(pk=held.pk).update(quarantined_at="2026-01-01T00:00Z")
    maintainer = factories.make_person()
    component.maintainers.add(maintainer)
    staff = factories.make_person(is_staff=True)
    assert counted(component) == {"a.py": 1}
    assert counted(component, eyes=maintainer) == {"a.py": 1, "b.py": 1}
    assert counted(component, eyes=draft.author) == {"a.py": 2}
    assert counted(component, eyes=staff) == {"a.py": 2, "b.py": 1}
    page = signed_in(None).get("/components/swift/files/").content.decode()
    assert "a.py" in page
    assert "b.py" not in page
    assert signed_in(None).get("/components/swift/files/b.py").status_code == 404
    assert signed_in(staff).get("/components/swift/files/b.py").status_code == 200


def test_a_file_lists_who_touches_it_by_state_and_release(component: Component) -> None:
    release = factories.make_release(component, "1.0")
    one = touching(component, "swift/a b.py", release=release)
    two = touching(component, "swift/a b.py")
    factories.make_fit(one.current, release)
    factories.recompute(one)
    two.move("approved")

    def listed(query: str = "") -> set[int]:
        page = signed_in(None).get(f"/components/swift/files/swift/a%20b.py{query}").content.decode()
        return {int(number) for number in re.findall(r'row-title" href="/contributions/(\d+)/', page)}

    assert listed() == {one.pk, two.pk}
    assert listed("?state=approved") == {two.pk}
    assert listed("?release=1.0") == {one.pk}
    assert signed_in(None).get("/components/swift/files/?release=9").status_code == 404
    assert signed_in(None).get("/components/swift/files/?state=odd").status_code == 400


def test_a_long_folder_goes_on_on_a_further_page(component: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MOST_STEPS", 2)
    touching(component, "a.py", "b.py", "c.py")
    page = signed_in(None).get("/components/swift/files/").content.decode()
    assert ("b.py" in page, "files/c.py" in page) == (True, False)
    assert 'href="?after=b.py"' in page
    touching(component, "b0.py", is_draft=True)
    assert 'href="?after=b.py"' in signed_in(None).get("/components/swift/files/").content.decode()
    assert "files/c.py" in signed_in(None).get("/components/swift/files/?after=b.py").content.decode()


def test_tags_are_found_made_and_taken_away(component: Component) -> None:
    made = factories.make_contribution(component=component)
    tag(person=made.author, contribution=made, tags="#Memory, s3")
    tag(person=made.author, contribution=made, tags="s3 upgrade")
    assert list(made.tags.values_list("name", flat=True)) == ["s3", "upgrade"]
    told = Event.objects.filter(verb=Event.Verb.TAGGED, contribution=made).order_by("pk")
    assert [event.text for event in told] == ["+memory +s3", "+upgrade -memory"]
    tag(person=made.author, contribution=made, tags="upgrade s3")
    assert told.count() == 2
    assert Tag.objects.counted(9, without=Contribution.objects.none()) == [("s3", 1), ("upgrade", 1)]


@pytest.mark.parametrize("text", ["two words!", "<b>", "-x", "a" * 41, " ".join(f"t{number}" for number in range(9))])
def test_what_is_no_tag_is_refused(component: Component, text: str) -> None:
    made = factories.make_contribution(component=component)
    with pytest.raises(Invalid) as refusal:
        tag(person=made.author, contribution=made, tags=text)
    assert refusal.value.field == "tags"
    assert not made.tags.exists()


def test_only_those_who_keep_it_change_its_tags(component: Component) -> None:
    made = factories.make_contribution(component=component)
    maintainer, staff = factories.make_person(), factories.make_person(is_staff=True)
    component.maintainers.add(maintainer)
    for person in (made.author, maintainer, staff):
        tag(person=person, contribution=made, tags=person.username)
    with pytest.raises(NotAllowed):
        tag(person=factories.make_person(), contribution=made, tags="mine")
    Contribution.objects.filter(pk=made.pk).update(quarantined_at="2026-01-01T00:00Z")
    made.refresh_from_db()
    with pytest.raises(Clash):
        tag(person=made.author, contribution=made, tags="mine")


def test_a_tag_of_hidden_things_alone_is_not_told(component: Component) -> None:
    shown, hidden = (factories.make_contribution(component=component) for _ in range(2))
    tag(person=shown.author, contribution=shown, tags="s3")
    tag(person=hidden.author, contribution=hidden, tags="s3 secret")
    Contribution.objects.filter(pk=hidden.pk).update(is_draft=True)
    page = signed_in(None).get("/tags/").content.decode()
    assert re.search(r's3 <span class="count">1</span>', page)
    assert "secret" not in page
    assert signed_in(None).get("/tags/secret/").status_code == 404
    assert signed_in(hidden.author).get("/tags/secret/").status_code == 200


def test_a_tag_that_was_refused_stays_in_the_form(component: Component) -> None:
    made = factories.make_contribution(component=component)
    answer = signed_in(made.author).post(f"/contributions/{made.pk}/tags/", {"tags": "fine n*t"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "“n*t” is no tag." in page
    assert 'value="fine n*t"' in page
    signed_in(made.author).post(f"/contributions/{made.pk}/tags/", {"tags": "fine"})
    assert (
        '<a href="/tags/fine/" rel="tag">fine</a>' in signed_in(None).get(f"/contributions/{made.pk}/").content.decode()
    )
