"""What people judge by, in Chromium: narrow and wide, light and dark, with and without scripts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.models import Environment, FieldReport
from contributions.pipeline.asking import answer_address
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Contribution, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judged() -> Contribution:
    """A contribution with evidence of each sort, some of it weeks old."""
    component = factories.make_component("swiftclient")
    factories.make_trait(component, "Hypervisor", "kvm", "xen")
    factories.make_trait(component, "Scale", "to 10 nodes", "to 100 nodes", "more")
    release = factories.make_release(component, "4.7.0")
    contribution = factories.make_contribution(
        component=component, release=release, title="Wait longer between retries"
    )
    factories.make_fit(contribution.current, release)
    factories.make_build(contribution.current, release)
    now = timezone.now()
    for weeks, stage in ((9, "production"), (6, "production"), (4, "staging"), (2, "lab")):
        factories.make_report(
            contribution,
            release,
            stage=stage,
            traits={"hypervisor": "kvm", "scale": "to 100 nodes"},
            environment="Two regions behind one load balancer",
            since=(now - timedelta(weeks=weeks)).date(),
            html="<p>No request was lost in three weeks.</p>",
            is_named=weeks != 6,
            sector="telecoms" if weeks == 6 else "",
        )
    factories.make_report(contribution, release, outcome="broken", stage="staging", traits={"hypervisor": "xen"})
    for value in (1, 1, 1, 1, 1, -1):
        factories.make_vote(contribution, value)
    bug = factories.make_claim(contribution, "Names are lost when a worker dies", url="https://bugs.example.org/12")
    factories.make_tick(bug)
    factories.make_tick(bug, holds=False, text="Still lost with more than 10,000 names.")
    factories.make_claim(contribution, "Kill a worker while it uploads; nothing is lost", kind="test")
    return factories.recompute(contribution)


def member_of(contribution: Contribution) -> Person:
    person = factories.make_person("ada", organisation=factories.make_organisation("Northern Hosting"))
    Environment.objects.create(
        organisation=person.organisation, component=contribution.component, traits={"hypervisor": "kvm"}
    )
    return person


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark"), (360, "dark"), (1280, "light")])
def test_all_that_is_judged_by_reads_well(visit: Any, judged: Contribution, width: int, scheme: str) -> None:
    window = visit(width=width, scheme=scheme)
    window.log_in(member_of(judged))
    home = f"/contributions/{judged.pk}/"
    link = answer_address(FieldReport.objects.earliest("pk")).split("/", 3)[3]
    evidence = f"{home}evidence/?release=swiftclient-4.7.0"
    for path in (
        home, evidence, "/how-ranking-works/", "/organisations/northern-hosting/environment/", f"/{link}",
    ):  # fmt: skip
        window.go(path)
        window.check()
        window.check_width()


def test_judging_works_without_scripts(visit: Any, judged: Contribution) -> None:
    window = visit(scripts=False)
    window.log_in(member_of(judged))
    page = window.go(f"/contributions/{judged.pk}/")
    page.locator(".claim").first.get_by_role("button", name="Holds for us").click()
    assert "2 say it holds" in page.locator(".claim").first.inner_text()
    window.go(f"/contributions/{judged.pk}/evidence/")
    page.get_by_label("From").select_option("ours")
    page.get_by_role("button", name="Show").click()
    assert page.locator(".remark-box").count() == 4
    page.get_by_text("Report how it went for you").click()
    page.get_by_label("Release", exact=True).select_option(label="4.7.0")
    page.get_by_role("radio", name="Works for us").check()
    page.get_by_role("radio", name="Production").check()
    page.get_by_label("Only “an organisation”").check()
    page.locator("#report").get_by_role("button", name="Report").click()
    assert "Your report for an organisation on 4.7.0 counts from now on." in page.inner_text("main")
    window.go("/how-ranking-works/")
    page.get_by_role("spinbutton", name="Organisations in production").fill("5")
    page.get_by_role("button", name="Work out the score").click()
    assert "5 organisations in production" in page.locator(".calculated").inner_text()
