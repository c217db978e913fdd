"""Every page in Chromium, narrow and wide, light and dark: no violation, no error, nothing too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.models import Contribution, Event, Follow, SavedSearch
from tests.factories import (
    make_artifact,
    make_attestation,
    make_build,
    make_builder,
    make_comment,
    make_component,
    make_contribution,
    make_fit,
    make_notification,
    make_organisation,
    make_person,
    make_publication,
    make_release,
    make_report,
    make_review,
    make_signing_key,
    make_vote,
    recompute,
)

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Person

pytestmark = pytest.mark.django_db(transaction=True)

WINDOWS = [(360, "light"), (1280, "dark")]


@pytest.fixture
def maintainer() -> Person:
    return make_person("maintainer", name="The Maintainer")


@pytest.fixture
def furnished(maintainer: Person) -> dict[str, str]:
    """A site with something on every page; the addresses by name."""
    organisation = make_organisation("An operator", owner=maintainer)
    component = make_component("swift", maintainers=(maintainer,), summary="Object storage.")
    releases = [make_release(component, name) for name in ("2.35.0", "2.36.0", "2.37.0")]
    author = make_person("author", organisation=organisation)
    contribution = make_contribution(
        release=releases[0],
        author=author,
        organisation=organisation,
        description="Waits **longer**, `backoff` doubles.",
    )
    for release, state in zip(releases, ("applies", "conflicts", "upstream"), strict=True):
        make_fit(contribution.current, release, state=state, conflicts=["swift/common/utils.py"])
    red = make_build(contribution.current, releases[1], state="failed", failed_step="test", exit_code=1)
    green = make_build(contribution.current, releases[0], log=b"\x1b[32mok\x1b[0m 12 passed\n")
    make_artifact(green, "dist/swift-2.35.0.whl")
    make_builder("refusing.example.net", refusal="Builds are refused on refusing.example.net: no jail starts.")
    make_attestation(green)
    lost = make_signing_key(revoked_at=timezone.now(), reason="A backup was stolen.")
    bare = make_build(release=releases[2])
    make_artifact(bare)
    make_attestation(bare, state="errored", key=lost, sentence="The key for builds is not on this machine.")
    Contribution.objects.filter(pk=contribution.pk).update(state="approved")
    publication = make_publication(green)
    question = make_comment(contribution, "Which driver did you use?")
    make_comment(contribution, "The default one.", parent=question, author=author)
    make_vote(contribution)
    make_report(contribution, releases[0])
    make_review(contribution.current, reviewer=maintainer)
    make_contribution(component=component, release=releases[0], title="Another one")
    said = Event.objects.write("commented", actor=author, contribution=contribution, comment=question)
    make_notification(maintainer, said)
    SavedSearch.objects.create(person=maintainer, name="Retries", query="component:swift retries")
    Follow.objects.create(person=maintainer, contribution=contribution)
    recompute(contribution)
    return {
        "front page": "/",
        "contributions": "/contributions/",
        "search": "/search/?q=nothing+at+all",
        "components": "/components/",
        "component": component.get_absolute_url(),
        "release": releases[0].get_absolute_url(),
        "overview": f"/contributions/{contribution.pk}/",
        "changes": f"/contributions/{contribution.pk}/changes/",
        "changes side by side": f"/contributions/{contribution.pk}/changes/?view=split",
        "matrix": f"/contributions/{contribution.pk}/matrix/",
        "discussion": f"/contributions/{contribution.pk}/discussion/",
        "evidence": f"/contributions/{contribution.pk}/evidence/",
        "passed build": green.get_absolute_url(),
        "failed build": red.get_absolute_url(),
        "build whose key was revoked": bare.get_absolute_url(),
        "builds": "/builds/",
        "status": "/status/",
        "publication": publication.get_absolute_url(),
        "published": "/published/",
        "organisations": "/organisations/",
        "organisation": organisation.get_absolute_url(),
        "new organisation": "/organisations/new/",
        "person": author.get_absolute_url(),
        "submit": "/submit/",
        "tokens": "/account/tokens/",
        "review queue": "/review/",
        "notifications": "/notifications/",
        "what is followed": "/account/following/",
        "mail": "/account/notices/",
        "ranking": "/how-ranking-works/",
        "search help": "/search/help/",
        "tags": "/tags/",
        "files": "/components/swift/files/",
        "overlaps": f"/contributions/{contribution.pk}/overlaps/",
        "profile": "/account/profile/",
        "invitations": "/account/invitations/",
        "following": "/account/following/",
        "dashboard": "/account/dashboard/",
        "signing": "/how-builds-are-signed/",
        "keys": "/keys/",
        "not there": "/contributions/999999/",
    }


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_every_page_holds_the_rules_for_a_maintainer(
    visit: Any, furnished: dict[str, str], maintainer: Person, width: int, scheme: str
) -> None:
    visitor = visit(width, scheme)
    visitor.log_in(maintainer)
    for path in furnished.values():
        visitor.go(path)
        visitor.check_width()
        visitor.check()
        visitor.complaints.clear()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1280, "light")])
def test_every_page_holds_the_rules_for_a_stranger(
    visit: Any, furnished: dict[str, str], width: int, scheme: str
) -> None:
    visitor = visit(width, scheme)
    pages = [*furnished.values(), "/account/login/", "/account/signup/", "/account/password/reset/"]
    for path in pages:
        visitor.go(path)
        visitor.check_width()
        visitor.check()


def test_the_tools_find_a_page_that_breaks_the_rules(visit: Any) -> None:
    """The control: what the checks above would say to a bad page."""
    visitor = visit(360)
    visitor.go("/")
    visitor.page.evaluate(
        """() => {
            const wide = document.createElement("img");
            wide.style.minWidth = "2000px";
            wide.src = "https://elsewhere.example/track.png";
            document.querySelector("main").append(wide);
        }"""
    )
    visitor.page.wait_for_function("window.violations.length > 0")
    with pytest.raises(AssertionError, match="img-src"):
        visitor.check()
    with pytest.raises(AssertionError, match="too wide"):
        visitor.check_width()
    visitor.page.evaluate("window.violations = []")
    visitor.complaints.clear()
    with pytest.raises(AssertionError, match="image-alt"):
        visitor.check()


@pytest.mark.parametrize("width", [360, 660, 1280])
def test_a_row_with_every_mark_is_no_wider_than_the_page(visit: Any, tmp_path: Path, width: int) -> None:
    component = make_component("swift")
    release = make_release(component, "2.36.0")
    patch = make_contribution(release=release, author=make_person(), title="Wait longer between retries")
    make_fit(patch.current, release, state="merges", way="offset")
    recompute(patch)
    told = {"up": 1204, "down": 117, "running_count": 12, "green_count": 3, "red_count": 2, "upstream_count": 4}
    marked = {"state": "changes-requested", "upstream_status": "applied", "score": 0.47}
    Contribution.objects.filter(pk=patch.pk).update(**told, **marked)
    visitor = visit(width)
    for name, address in (
        ("release", release.get_absolute_url()),
        ("component", component.get_absolute_url()),
        ("list", "/contributions/"),
    ):
        page = visitor.go(address)
        page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        state = page.locator(".row .row-state")
        assert "upstream has it" in state.inner_text()
        visitor.check_width()
        assert state.evaluate("state => state.scrollWidth <= state.clientWidth"), name
        assert state.evaluate(
            "state => state.firstElementChild.getBoundingClientRect().left >= state.getBoundingClientRect().left - 1"
        ), name
