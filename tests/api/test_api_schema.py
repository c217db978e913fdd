from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openapi_spec_validator import validate

from contributions.models import Environment, Event, Seal, Transfer
from tests import factories
from tests.api.conftest import make_owned_webhook
from tests.api.contract import schema

if TYPE_CHECKING:
    from tests.api.conftest import Caller, Scene

pytestmark = pytest.mark.django_db


def test_the_schema_is_valid_openapi_3_1() -> None:
    assert schema()["openapi"].startswith("3.1.")
    validate(schema())


def test_every_operation_is_described_and_tells_of_its_problems() -> None:
    operations = [
        operation for path in schema()["paths"].values() for method, operation in path.items() if method != "parameters"
    ]
    assert len(operations) >= 32
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert {"400", "401", "403", "404", "default"} <= set(operation["responses"])
        assert "application/problem+json" in operation["responses"]["400"]["content"]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)


def test_bodies_are_closed_in_the_schema() -> None:
    assert schema()["components"]["schemas"]["VoteInput"]["additionalProperties"] is False


def test_every_reading_address_answers_as_the_schema_says(published: Scene, member: Caller) -> None:
    number, build = published.contribution.pk, published.build.pk
    factories.make_attestation(published.build)
    edited = member.post(published.one + "comments/", {"text": "It works."}).json()["id"]
    member.put(f"comments/{edited}/", {"text": "It works for us."})
    member.post(published.one + "reports/", {"release": "4.7.0", "outcome": "works", "stage": "lab"})
    reviewer = published.tokened(published.maintainer)
    assert reviewer.post(published.one + "reviews/", {"verdict": "approve"}).status_code == 201
    publication = member.listed("publications/")[0]["id"]
    organisation = member.listed("organisations/")[0]["slug"]
    flag = member.post("flags/", {"person": published.maintainer.username, "reason": "spam"}).json()["id"]
    Seal.objects.create(first=1, last=2, count=2, lines=b"", digest="0" * 64, envelope="{}")
    Event.objects.write("suspended", subject=published.maintainer, text="Spam.")
    webhook = make_owned_webhook(member.person)
    advisory = factories.make_advisory(published.contribution.current)
    tick = factories.make_tick(factories.make_claim(published.contribution))
    member.put("follows/component/swiftclient/", {})
    member.post("searches/", {"name": "Retries", "query": "retries"})
    factories.make_notification(member.person, Event.objects.filter(contribution=published.contribution)[0])
    Environment.objects.create(
        organisation=webhook.organisation, component=published.contribution.component, traits={"disk": "ssd"}
    )
    factories.make_invitation(webhook.organisation)
    factories.make_invitation(published.contribution.organisation, member.person)
    compared = factories.make_comparison()
    offered = factories.make_contribution(organisation=webhook.organisation)
    Transfer.objects.create(contribution=offered, giver=offered.author, taker=member.person)
    factories.make_port(published.contribution.current)
    judged_on = published.contribution.component.releases.get(name="4.7.0")
    factories.make_settlement(member.person, published.contribution.current, judged_on)
    own = {"{slug}": webhook.organisation.slug, "{number}": str(webhook.pk)}
    remark = factories.make_remark(published.contribution.current)
    stack = factories.make_stack(published.contribution, author=member.person)
    factories.make_lock(factories.make_assembly(stack))
    shared = published.contribution
    factories.make_contribution(component=shared.component, organisation=member.person.organisation)
    factories.make_assembly(stack)
    fills = {  # the first that is part of a path fills it
        "/stacks/check/": {"check/": f"check/?stack={stack.pk}"},
        "v1/stacks/": {"{number}": str(stack.pk), "{serial}": "1", "{lock}": "1", "{name}": "patchbay.lock.json"},
        "v1/remarks/": {"{number}": str(remark.pk)},
        "/comments/{number}": {"{number}": str(edited)},
        "/comparisons/": {"{number}": str(compared.older.contribution_id), "{older}": "1", "{newer}": "2"},
        "/builds/": {"{number}": str(build)},
        "/publications/": {"{number}": str(publication)},
        "/flags/": {"{number}": str(flag)},
        "/artifacts/": {"{number}": str(published.build.artifacts.get().pk)},
        "/organisations/{slug}/webhooks/": own,
        "/organisations/{slug}/downloads/": own,
        "/organisations/{slug}/invitations/": own,
        "/organisations/{slug}/dashboard/": own,
        "/organisations/{slug}/forecast/": own,
        "/organisations/{slug}/environment/": own,
        "/organisations/": {"{slug}": organisation},
        "/search/complete/": {"complete/": "complete/?q=component:swiftclient"},
        "/forks/": {"{number}": str(factories.make_fork(member.person).pk)},
        "/claims/{claim}/": {"{number}": str(number), "{claim}": str(tick.claim_id)},
        "/advisories/": {"{number}": str(advisory.pk)},
        "/ports/settlements/": {"{number}": str(number), "{release}": "4.7.0"},
        "/fits/{release}/": {"{number}": str(number), "{release}": "4.7.0"},
        "": {"{number}": str(number), "{revision}": "1", "{slug}": "swiftclient", "{index}": "0"},
    }
    for template, operations in schema()["paths"].items():
        path = template
        for parameter, value in next(fill for part, fill in fills.items() if part in template).items():
            path = path.replace(parameter, value)
        if "get" in operations:
            response = member.get(path)
            assert response.status_code == 200, (path, response.content)
            if "results" in (response.json() if "json" in response.headers["Content-Type"] else {}):
                assert response.json()["results"], path
