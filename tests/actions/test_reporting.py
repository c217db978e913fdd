"""What reports tell of where it runs: the vocabulary of a component, and choosing from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command

from contributions.actions.reporting import report
from contributions.actions.vocabulary import set_environment, set_traits, traits_in
from contributions.errors import Invalid, NotAllowed, Refusal
from contributions.models import Component, Contribution, Environment, Event, FieldReport, Trait
from contributions.models.finding import found
from contributions.models.judging import environment_of, reported_like
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db


def speak(contribution: Contribution, person: Person | None = None, **given: Any) -> FieldReport:
    person = person or factories.make_person(organisation=factories.make_organisation())
    given = {"release": factories.make_release(contribution.component), "outcome": "works", "stage": "lab"} | given
    return report(author=person, contribution=contribution, **given)


def told(component: Component) -> list[str]:
    return [str(Trait.objects.get(pk=trait.pk).choices) for trait in component.traits.all()]


def test_a_report_tells_of_the_traits_of_its_component_alone() -> None:
    contribution = factories.make_contribution()
    factories.make_trait(contribution.component, "Hypervisor", "kvm", "xen")
    factories.make_trait(contribution.component, "Scale", "10", "100")
    assert speak(contribution, traits={"hypervisor": "kvm", "scale": ""}).traits == {"hypervisor": "kvm"}
    with pytest.raises(Invalid, match="Hypervisor is one of kvm, xen, not “hyperv”"):
        speak(contribution, traits={"hypervisor": "hyperv"})
    with pytest.raises(Invalid, match="has no trait “colour”; it has hypervisor, scale"):
        speak(contribution, traits={"colour": "red"})


def test_traits_are_read_one_a_line_and_kept_in_their_order() -> None:
    component = factories.make_component()
    set_traits(person=None, component=component, traits=traits_in("Scale: 10, 100,10\n\n Hypervisor :kvm ,xen\n"))
    assert [(row.slug, row.name, row.choices) for row in component.traits.all()] == [
        ("scale", "Scale", ["10", "100"]),
        ("hypervisor", "Hypervisor", ["kvm", "xen"]),
    ]


def test_what_is_taken_out_of_the_vocabulary_stays_in_reports() -> None:
    contribution = factories.make_contribution()
    trait = factories.make_trait(contribution.component)
    made = speak(contribution, traits={trait.slug: "kvm"})
    set_traits(person=None, component=contribution.component, traits=traits_in("Scale: 10, 100"))
    made.refresh_from_db()
    assert made.traits == {"hypervisor": "kvm"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Hypervisor", "has no colon"),
        ("Hypervisor: kvm", "needs from 2 to 16 choices"),
        (": a, b", "has a name with letters"),
        ("Disk: a, b\ndisk: c, d", "Two traits have the same name"),
        (f"Disk: a, {'b' * 41}", "has more than 40 letters"),
        ("\n".join(f"t{n}: a, b" for n in range(9)), "8 is the most"),
    ],
)
def test_a_vocabulary_that_nobody_could_use_is_refused(text: str, sentence: str) -> None:
    component = factories.make_component()
    with pytest.raises(Refusal, match=sentence):
        set_traits(person=None, component=component, traits=traits_in(text))
    assert not component.traits.exists()


def test_only_those_who_keep_a_component_set_its_traits_and_it_is_written_down() -> None:
    maintainer = factories.make_person()
    component = factories.make_component(maintainers=(maintainer,))
    with pytest.raises(NotAllowed):
        set_traits(person=factories.make_person(), component=component, traits=traits_in("Disk: a, b"))
    set_traits(person=maintainer, component=component, traits=traits_in("Disk: a, b"))
    set_traits(person=maintainer, component=component, traits=traits_in("Disk: a, b"))
    line = Event.objects.get(component=component)
    assert line.text == "What reports tell: nothing → Disk: a, b."


def test_the_operator_sets_them_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    component = factories.make_component("swift")
    call_command("set_traits", "swift", "Disk: a, b", "Scale: 1, 2")
    assert "- Disk: a, b" in capsys.readouterr().out
    with pytest.raises(CommandError, match="has no colon"):
        call_command("set_traits", "swift", "Disk")
    call_command("set_traits", "swift", "--none")
    assert not component.traits.exists()


def test_reports_from_where_it_is_like_ours() -> None:
    contribution = factories.make_contribution()
    same = factories.make_report(contribution, traits={"disk": "ssd", "scale": "10"})
    factories.make_report(contribution, traits={"disk": "ssd", "scale": "100"})
    silent = factories.make_report(contribution, traits={"disk": "ssd"})
    factories.make_report(contribution, traits={"colour": "red"})
    factories.make_report(contribution)
    ours = {"disk": "ssd", "scale": "10"}
    assert set(FieldReport.objects.like(ours)) == {same, silent}
    assert not FieldReport.objects.like({}).exists()
    assert FieldReport.objects.telling("scale", "100").count() == 1


def test_members_say_what_their_organisation_runs() -> None:
    component = factories.make_trait().component
    member = factories.make_person(organisation=factories.make_organisation())
    ours = member.organisation
    assert ours
    set_environment(person=member, organisation=ours, component=component, traits={"hypervisor": "kvm"})
    set_environment(person=member, organisation=ours, component=component, traits={"hypervisor": "xen"})
    assert environment_of(member, component) == {"hypervisor": "xen"}
    assert environment_of(AnonymousUser(), component) == {}
    with pytest.raises(NotAllowed):
        set_environment(person=factories.make_person(is_staff=True), organisation=ours, component=component, traits={})
    with pytest.raises(Invalid):
        set_environment(person=member, organisation=ours, component=component, traits={"hypervisor": "paper"})
    assert not Event.objects.filter(verb="runs").visible_to(AnonymousUser()).exists()


def test_contributions_that_others_run_where_it_is_like_ours() -> None:
    component = factories.make_trait().component
    ours = factories.make_organisation()
    Environment.objects.create(organisation=ours, component=component, traits={"hypervisor": "kvm"})
    alike, own, other, elsewhere = (factories.make_contribution(component=component) for _ in range(4))
    factories.make_report(alike, traits={"hypervisor": "kvm"})
    factories.make_report(own, traits={"hypervisor": "kvm"}, organisation=ours)
    factories.make_report(other, traits={"hypervisor": "xen"})
    factories.make_report(factories.make_contribution(), traits={"hypervisor": "kvm"})
    assert set(Contribution.objects.filter(reported_like(ours))) == {alike}
    member = factories.make_person(organisation=ours)
    assert set(found("like:mine", member)) == {alike}
    assert set(found("-like:mine", member)) >= {own, other, elsewhere}


@pytest.mark.parametrize(("person", "sentence"), [("stranger", "Sign in first"), ("alone", "Say first what your")])
def test_like_mine_needs_to_know_what_is_mine(person: str, sentence: str) -> None:
    asks = (
        AnonymousUser() if person == "stranger" else factories.make_person(organisation=factories.make_organisation())
    )
    with pytest.raises(Invalid, match=sentence):
        found("like:mine", asks)
