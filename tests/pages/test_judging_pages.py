"""The pages on which people judge: claims and their ticks, traits, filters and the lists of the evidence tab."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from contributions.models import Claim, Tick
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform


def text_of(page: bytes) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


def test_an_author_says_what_it_claims_and_others_tick_it(platform: Platform) -> None:
    home = f"/contributions/{platform.contribution.pk}/"
    form = {"fixes": "https://bugs.example.org/12 Names are lost", "tests": "Kill a worker."}
    shown = text_of(platform.client("author").post(f"{home}claims/", form, follow=True).content)
    assert "Fixes Names are lost not tried yet" in shown
    assert "Test Kill a worker. not tried yet" in shown
    claim = Claim.objects.get(kind="fixes")
    tick = f"{home}claims/{claim.pk}/tick/"
    page = platform.client("member").post(tick, {"holds": "yes"}, follow=True).content
    assert "1 says it holds" in text_of(page)
    assert b'value="none" aria-pressed="true"' in page
    platform.client("maintainer").post(tick, {"holds": "no", "text": "Only <b>sometimes</b>."})
    page = platform.client("stranger").get(home).content
    assert "1 says it holds 1 says it fails" in text_of(page)
    assert b"Only &lt;b&gt;sometimes&lt;/b&gt;." in page
    assert b'href="https://bugs.example.org/12" rel="nofollow ugc noopener noreferrer"' in page
    platform.client("member").post(tick, {"holds": "none"})
    assert Tick.objects.count() == 1


def test_a_form_of_claims_shows_what_stands_and_keeps_what_was_typed_wrong(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/claims/"
    factories.make_claim(platform.contribution, "Names are lost", url="https://bugs.example.org/12")
    client = platform.client("author")
    assert "https://bugs.example.org/12 Names are lost" in client.get(url).content.decode()
    many = "\n".join(f"line {number}" for number in range(21))
    answer = client.post(url, {"fixes": many, "tests": ""})
    assert answer.status_code == 413
    assert "20 is the most" in answer.content.decode()
    assert "line 20" in answer.content.decode()
    assert Claim.objects.count() == 1


def test_a_tick_of_what_was_changed_since_says_so(platform: Platform) -> None:
    factories.make_tick(factories.make_claim(platform.contribution))
    factories.make_revision(platform.contribution)
    page = text_of(platform.client("stranger").get(f"/contributions/{platform.contribution.pk}/").content)
    assert "of v1, which was changed since" in page
    assert "not tried yet" in page


def test_an_address_that_is_none_of_the_web_is_no_link(platform: Platform) -> None:
    factories.make_claim(platform.contribution, "Look", url="javascript:alert(1)")
    assert b"javascript:" not in platform.client("stranger").get(f"/contributions/{platform.contribution.pk}/").content


def test_reports_are_narrowed_by_trait(platform: Platform) -> None:
    factories.make_trait(platform.component, "Hypervisor", "kvm", "xen")
    factories.make_report(platform.contribution, traits={"hypervisor": "kvm"}, environment="120 nodes")
    factories.make_report(platform.contribution, traits={"hypervisor": "xen"}, environment="a lone laptop")
    url = f"/contributions/{platform.contribution.pk}/evidence/"
    client = platform.client("stranger")
    both, narrowed = client.get(url).content.decode(), client.get(f"{url}?on-hypervisor=kvm").content.decode()
    assert "120 nodes" in both
    assert "a lone laptop" in both
    assert "120 nodes" in narrowed
    assert "a lone laptop" not in narrowed
    assert "a lone laptop" in client.get(f"{url}?on-hypervisor=nonsense").content.decode()


def test_each_list_of_the_evidence_has_pages_of_its_own(platform: Platform) -> None:
    for number in range(25):
        factories.make_report(
            platform.contribution, factories.make_release(platform.component), environment=f"place {number:02}"
        )
        factories.make_vote(platform.contribution)
    client, url = platform.client("stranger"), f"/contributions/{platform.contribution.pk}/evidence/"
    first = client.get(url).content.decode()
    places = re.findall(r"place \d\d", first)
    older = re.search(r'href="(\?reports=[^"#]+)#reports" ?', first.replace("&amp;", "&"))
    assert older
    second = client.get(url + older[1]).content.decode()
    assert sorted(places + re.findall(r"place \d\d", second)) == [f"place {number:02}" for number in range(25)]
    assert "Nobody has voted" not in second, "the other lists stay where they were"


def test_a_report_form_begins_with_what_was_said_before(platform: Platform) -> None:
    member = platform.people["member"]
    assert member
    factories.make_trait(platform.component, "Hypervisor", "kvm", "xen")
    other = factories.make_contribution(release=platform.release)
    factories.make_report(
        other, platform.release, organisation=member.organisation, author=member, stage="staging",
        traits={"hypervisor": "xen"},
    )  # fmt: skip
    page = platform.client("member").get(f"/contributions/{platform.contribution.pk}/evidence/").content.decode()
    assert f'value="{platform.release.slug}" selected' in page
    assert re.search(r'value="staging"[^>]*checked', page)
    assert '<option value="xen" selected>' in page


def test_the_calculator_works_out_what_is_asked(platform: Platform) -> None:
    client = platform.client("stranger")
    page = text_of(client.get("/how-ranking-works/?production=4&days=20&up=6&passes=3").content)
    assert "Score 0.916 from 17.81 for and 0.00 against" in page, "the first of the examples"
    assert "4 organisations in production 14.81" in page
    broken = client.get("/how-ranking-works/?production=many&up=6")
    assert broken.status_code == 200
    assert "Enter a whole number" in text_of(broken.content)
    assert "from 10.02 for" in text_of(client.get("/how-ranking-works/").content), "it begins with an example"


def test_evidence_is_drawn_week_by_week_with_a_table(platform: Platform) -> None:
    now = timezone.now()
    for weeks in (3, 1):
        since = (now - timedelta(weeks=weeks)).date()
        factories.make_report(platform.contribution, factories.make_release(platform.component), since=since)
    factories.make_vote(platform.contribution)
    page = platform.client("stranger").get(f"/contributions/{platform.contribution.pk}/evidence/").content.decode()
    assert page.count('<figure class="weeks">') == 3
    table = page.split("As a table")[1].split("</table>")[0]
    figures = [int(figure) for figure in re.findall(r'<td class="figure">(\d+)</td>', table)]
    assert figures == [0] * 9 + [1, 1, 2, 2], "what runs adds up"


def test_without_evidence_nothing_is_drawn(platform: Platform) -> None:
    bare = factories.make_contribution(component=platform.component)
    assert b"Over time" not in platform.client("stranger").get(f"/contributions/{bare.pk}/evidence/").content


def test_who_ran_it_is_asked_how_it_went(platform: Platform) -> None:
    client, slug = platform.client("member"), platform.release.slug
    link = f"/contributions/{platform.contribution.pk}/evidence/?release={slug}#tell"
    assert link in client.get(f"/publications/{platform.publication.pk}/").content.decode()
    assert link in client.get(f"/contributions/{platform.contribution.pk}/").content.decode()
    page = client.get(link).content.decode()
    assert 'id="tell" open' in page
    assert f'value="{slug}" selected' in page
