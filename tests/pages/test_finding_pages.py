"""The list as a page: its question in words, fields, chips and orders, and what it says when it cannot be answered."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from contributions.models import Contribution
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def patch() -> Contribution:
    component = factories.make_component("swift")
    return factories.make_contribution(
        component=component,
        release=factories.make_release(component, "2.36.0"),
        title="Wait <longer> between retries",
        description="It <b>retries</b> for ever.",
    )


def page(query: str, person: Person | None = None, status: int = 200) -> str:
    answer = (signed_in(person) if person else Client()).get(f"/contributions/?{query}")
    assert answer.status_code == status
    return answer.content.decode()


def asked(link: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(unescape(link)).query)


def chips(text: str) -> dict[str, dict[str, list[str]]]:
    found = re.findall(r'<li><a href="(\?[^"]*)"><span>([^<]*)</span> <span aria-hidden', text)
    return {unescape(label): asked(link) for link, label in found}


def orders(text: str) -> dict[str, dict[str, list[str]]]:
    nav = text.partition('aria-label="Order">')[2].partition("</nav>")[0]
    return {label: asked(link) for link, label in re.findall(r'href="([^"]*)"[^>]*>([^<]*)</a>', nav)}


def box(text: str) -> str:
    found = re.search(r'id="finder-q"[^>]* value="([^"]*)"', text)
    assert found
    return unescape(found[1])


def test_fields_and_words_make_one_question(patch: Contribution) -> None:
    text = page("q=retries&component=swift&state=open&kind=&release=")
    assert f"/contributions/{patch.pk}/" in text
    assert box(text) == "retries component:swift state:open"
    assert '<option value="swift" selected>' in text
    assert '<option value="open" selected>' in text
    assert '<input type="hidden" name="q" value="retries">' in text
    assert page("q=retries+component:swift+state:open").partition("<main")[2] == text.partition("<main")[2]


def test_a_chip_takes_its_filter_away_and_leaves_the_rest(patch: Contribution) -> None:
    text = page("q=retries+component:swift+-kind:executable&order=newest")
    assert chips(text) == {
        "component:swift": {"q": ["retries -kind:executable"], "order": ["newest"]},
        "-kind:executable": {"q": ["retries component:swift"], "order": ["newest"]},
    }
    assert patch.component.slug == "swift"


def test_orders_keep_the_question(patch: Contribution) -> None:
    shown = orders(page("q=retries"))
    assert shown["Relevant"] == {"q": ["retries"]}
    assert shown["Needs review"] == {"q": ["retries"], "order": ["review"]}
    assert orders(page("q=retries+order:newest"))["Best"] == {"q": ["retries"], "order": ["best"]}
    assert "Relevant" not in orders(page("q=state:open"))
    assert "Mine" not in shown
    assert orders(page("q=state:open", patch.author))["Mine"] == {"q": ["state:open is:mine"]}
    assert orders(page("q=state:open+is:mine", patch.author))["Mine"] == {"q": ["state:open"]}


def test_found_words_are_marked_and_nothing_of_a_stranger_is_obeyed(patch: Contribution) -> None:
    text = page("q=retry")
    assert "Wait &lt;longer&gt; between <mark>retries</mark></a>" in text
    assert '<p class="excerpt">It &lt;b&gt;<mark>retries</mark>&lt;/b&gt; for ever.</p>' in text
    assert "<mark>" not in page("q=state:open")
    assert patch.pk


def test_what_cannot_be_meant_is_told_beside_the_box_and_kept_in_it(patch: Contribution) -> None:
    for query, sentence in (
        ("q=compnent:swift+x", "There is no filter “compnent:”. Did you mean component:?"),
        ("component=swif", "There is no component “swif”. Did you mean swift?"),
        ("q=a+order:worst", "The order is one of"),
        ("order=worst", "The order is one of"),
        ("q=" + "a" * 301, "Search for 300 characters at most."),
        ("q=is:mine", "Sign in first"),
    ):
        text = page(query, status=400)
        assert f'id="finder-problem"><li>{sentence}' in text, query
        assert 'aria-invalid="true" aria-describedby="finder-problem"' in text
        assert f"/contributions/{patch.pk}/" not in text
    assert box(page("q=compnent:swift+x", status=400)) == "compnent:swift x"


def test_a_number_leads_there_if_it_may_be_seen(patch: Contribution) -> None:
    for typed in (f"{patch.pk}", f"%23{patch.pk}"):
        answer = Client().get(f"/search/?q={typed}")
        assert (answer.status_code, answer["Location"]) == (302, f"/contributions/{patch.pk}/")
    Contribution.objects.update(is_draft=True)
    assert Client().get(f"/search/?q={patch.pk}").status_code == 200
    assert signed_in(patch.author).get(f"/search/?q={patch.pk}").status_code == 302
    assert Client().get(f"/search/?q={'9' * 40}").status_code == 200


def test_a_misspelled_word_is_offered_right(patch: Contribution) -> None:
    text = page("q=retreis+component:swift")
    [link] = re.findall(r'Did you mean <a href="([^"]*)"', text)
    assert asked(link) == {"q": ["retries component:swift"]}
    assert "No contribution matches." in text
    assert "Did you mean" not in page("q=retries")
    assert patch.pk


def test_empty_lists_say_what_to_do() -> None:
    assert "Share the first one" in page("")
    assert "see all of them" in page("q=nothing")


def test_every_example_of_the_help_can_be_asked(patch: Contribution) -> None:
    text = Client().get("/search/help/").content.decode()
    links = re.findall(r'<td><a href="(/search/\?q=[^"]*)"', text)
    assert len(links) > 20
    for link in links:
        answer = Client().get(unescape(link))
        if answer.status_code == 400:  # what the example names is not there, or one's own, and that is said
            assert re.search("There is no |Sign in first", answer.content.decode()), link
        else:
            assert answer.status_code == 200, link
    assert patch.pk
