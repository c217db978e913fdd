"""The matrix as a picture: its cells and their reasons, what narrows it, and who sees which row."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.models import Contribution
from contributions.models.picture import cells_of, columns_of
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component, Person, Release

pytestmark = pytest.mark.django_db
ADDRESS = "/components/swift/matrix/"


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift")


@pytest.fixture
def releases(component: Component) -> list[Release]:
    """Oldest first; the last is a candidate."""
    made = [factories.make_release(component, name) for name in ("2.36.0", "2.37.0")]
    return [*made, factories.make_release(component, "2.38.0rc1", is_candidate=True)]


def share(component: Component, title: str, **fits: Any) -> Contribution:
    """A patch with a fit of each state on the release of that name; dots are written as underscores."""
    made: Contribution = factories.make_contribution(component=component, title=title)
    for name, given in fits.items():
        release = component.releases.get(name=name.lstrip("_").replace("_", "."))
        factories.make_fit(made.current, release, **given)
    factories.recompute(made)
    return made


def page(query: str = "", person: Person | None = None, status: int = 200, address: str = ADDRESS) -> str:
    answer = (signed_in(person) if person else Client()).get(f"{address}?{query}")
    assert answer.status_code == status
    return answer.content.decode()


def rows(text: str) -> dict[str, list[str]]:
    """The words of each row's cells by its title."""
    found = {}
    for row in re.findall(r'<tr><th scope="row">(.*?)</tr>', text, re.DOTALL):
        head, *cells = row.split('<td class="cell">')
        [title] = re.findall(r"<a [^>]*>(.*?)</a>", head, re.DOTALL)[:1]
        found[unescape(title)] = [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in cells]
    return found


def test_a_cell_says_its_verdict_in_a_word_and_its_reason_one_press_away(
    component: Component, releases: list[Release]
) -> None:
    del releases
    patch = share(
        component,
        "Wait <longer>",
        _2_36_0={"state": "applies"},
        _2_37_0={"state": "conflicts", "conflicts": ["swift/a.py", "swift/b.py"]},
        _2_38_0rc1={"state": "upstream", "upstream_commit": "ab" * 20, "evidence": "patch-id"},
    )
    [cells] = rows(page()).values()
    assert cells[0] == "upstream Upstream has it in ababababab: a commit of upstream makes the very same change. More"
    assert cells[1] == "conflicts swift/a.py, swift/b.py conflict. More"
    assert cells[2] == "applies It applies as it is. More"
    assert f'href="/contributions/{patch.pk}/fits/2.37.0/"' in page()
    assert "Wait &lt;longer&gt;" in page()


def test_columns_are_releases_newest_first_with_what_became_of_all(
    component: Component, releases: list[Release]
) -> None:
    del releases
    for number in range(3):
        share(component, f"Patch {number}", _2_36_0={"state": "applies"}, _2_37_0={"state": "conflicts"})
    factories.make_release(component, "1.0", state="retired")
    text = page()
    heads = re.findall(r'<th scope="col"><a [^>]*>(.*?)</a>.*?picture-sum">(.*?)</span>', text, re.DOTALL)
    assert heads == [("2.38.0rc1", "nothing tried"), ("2.37.0", "3 conflict"), ("2.36.0", "3 fit")]
    assert text.count("candidate</span>") == 1


def test_the_build_stands_in_the_cell_in_words(component: Component, releases: list[Release]) -> None:
    patch = share(component, "Built", _2_36_0={"state": "applies"}, _2_37_0={"state": "applies"})
    factories.make_build(patch.current, releases[0])
    factories.make_build(patch.current, releases[1], state="failed")
    factories.recompute(patch)
    assert [cell.rpartition("More ")[2] for cell in rows(page())["Built"][1:]] == ["fails", "builds"]


def test_what_a_port_brings_stands_where_the_patch_itself_conflicts(
    component: Component, releases: list[Release]
) -> None:
    patch = share(component, "Ported", _2_36_0={"state": "applies"}, _2_37_0={"state": "conflicts"})
    original = patch.current
    for release in releases[:2]:
        port = factories.make_revision(patch, ports=original, release=release)
        factories.make_fit(port, release)
    Contribution.objects.filter(pk=patch.pk).update(current=original)
    patch.refresh_from_db()
    [cells] = cells_of({patch.pk: patch.current_id}, columns_of(component)).values()
    assert [(cell.release.name, cell.state, cell.port) for cell in cells] == [
        ("2.38.0rc1", "", 0), ("2.37.0", "applies", 3), ("2.36.0", "applies", 0),
    ]  # fmt: skip


def test_it_is_narrowed_by_what_conflicts_where_by_kind_and_in_words(
    component: Component, releases: list[Release]
) -> None:
    del releases
    share(component, "Stuck", _2_37_0={"state": "conflicts"})
    share(component, "Gone", _2_37_0={"state": "upstream"})
    assert list(rows(page("fit=conflicts&on=2.37.0"))) == ["Stuck"]
    assert list(rows(page("fit=upstream&on=2.37.0"))) == ["Gone"]
    assert list(rows(page("q=gone"))) == ["Gone"]
    assert rows(page("kind=improvement")) == {}
    assert "No patch matches" in page("kind=improvement")
    assert "1 conflict" in page("fit=conflicts&on=2.37.0")
    assert "1 upstream" not in page("fit=conflicts&on=2.37.0")


def test_notes_and_executables_have_no_row(component: Component, releases: list[Release]) -> None:
    factories.make_contribution(component=component, kind="experience", release=releases[0], title="A note")
    share(component, "A patch", _2_36_0={"state": "applies"})
    assert list(rows(page())) == ["A patch"]


def test_whose_it_is_narrows_it_for_those_who_are_signed_in(component: Component, releases: list[Release]) -> None:
    ours = factories.make_organisation()
    person = factories.make_person(organisation=ours)
    mine = share(component, "Mine", _2_36_0={"state": "applies"})
    Contribution.objects.filter(pk=mine.pk).update(author=person)
    shared = share(component, "Ours", _2_36_0={"state": "applies"})
    Contribution.objects.filter(pk=shared.pk).update(organisation=ours)
    run = share(component, "Run", _2_36_0={"state": "applies"})
    factories.make_report(run, releases[0], organisation=ours, is_named=False)
    broken = share(component, "Broken", _2_36_0={"state": "applies"})
    factories.make_report(broken, releases[0], organisation=ours, outcome="broken")
    found = {whose: set(rows(page(f"whose={whose}", person))) for whose in ("mine", "ours", "running", "carried")}
    assert found == {"mine": {"Mine"}, "ours": {"Ours"}, "running": {"Run"}, "carried": {"Ours", "Run"}}
    assert "Sign in first" in page("whose=mine", status=400)
    stranger = factories.make_person()
    assert "You speak for no organisation" in page("whose=running", stranger, status=400)


def test_a_draft_is_in_nobodys_row_and_nobodys_sum(component: Component, releases: list[Release]) -> None:
    del releases
    draft = share(component, "A draft", _2_36_0={"state": "applies"})
    share(component, "A patch", _2_36_0={"state": "applies"})
    Contribution.objects.filter(pk=draft.pk).update(is_draft=True)
    assert (list(rows(page())), "1 fit" in page()) == (["A patch"], True)
    assert set(rows(page("", draft.author))) == {"A draft", "A patch"}
    assert "2 fit" in page("", draft.author)


def test_the_picture_has_glyphs_alone_that_lead_to_the_reason(component: Component, releases: list[Release]) -> None:
    del releases
    patch = share(component, "Stuck", _2_37_0={"state": "conflicts", "conflicts": ["a.py"]})
    text = page("view=picture")
    assert f'<a href="/contributions/{patch.pk}/fits/2.37.0/" title="2.37.0: a.py conflicts.">' in text
    assert rows(text)["Stuck"][1] == "conflicts"
    assert "<details><summary>" not in text


def test_further_releases_are_a_page_of_columns_away(component: Component) -> None:
    for number in range(23):
        factories.make_release(component, f"{number}.0")
    share(component, "A patch", _0_0={"state": "applies"})
    assert len(rows(page())["A patch"]) == 20
    assert 'href="?columns=1">Older releases' in page()
    assert len(rows(page("columns=1"))["A patch"]) == 3
    assert "Newer releases" in page("columns=1")
    for odd in ("2", "-1", "x", "9" * 30):
        assert len(rows(page(f"columns={odd}"))["A patch"]) == 20


def test_rows_are_paged_by_key_and_keep_what_is_asked(component: Component, releases: list[Release]) -> None:
    del releases
    for number in range(31):
        share(component, f"Patch {number}", _2_36_0={"state": "applies"})
    first = page("q=state:open&columns=0")
    [older] = re.findall(r'rel="next" href="\?(.*?)"', first)
    second = page(unescape(older))
    assert (len(rows(first)), len(rows(second))) == (30, 1)
    assert set(rows(first)) | set(rows(second)) == {f"Patch {number}" for number in range(31)}
    assert "31 fit" in second
    page("page=nonsense", status=400)


def test_what_cannot_be_meant_is_told_beside_the_field(component: Component) -> None:
    del component
    text = page("q=nonsense:1", status=400)
    assert 'id="finder-problem"' in text
    assert "There is no filter" in text
    assert 'value="nonsense:1"' in text


def test_members_see_what_their_organisation_carries(component: Component, releases: list[Release]) -> None:
    ours = factories.make_organisation("Northern Hosting")
    member = factories.make_person(organisation=ours)
    run = share(component, "Run", _2_36_0={"state": "applies"})
    share(component, "Another's", _2_36_0={"state": "applies"})
    address = "/organisations/northern-hosting/matrix/"
    assert "Nothing yet" in page("", member, address=address)
    factories.make_report(run, releases[0], organisation=ours)
    assert list(rows(page("", member, address=address))) == ["Run"]
    page("", factories.make_person(), 403, address)
    page("component=nova", member, 404, address)
