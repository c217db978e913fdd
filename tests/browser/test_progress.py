"""Long work shows how far it is: a file that is sent, and a build that runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contributions.models import Build, Contribution
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}  # bytes a second


def test_an_upload_shows_how_far_it_is_and_what_is_wrong(visit: Any) -> None:
    release = factories.make_release(factories.make_component("swift"), "1.0")
    person = factories.make_person("author")
    window = visit(360)
    window.log_in(person)
    page = window.go("/submit/?component=swift")
    page.locator("input[name=kind][value=refinement]").check()
    page.locator("#id_title").fill("Wait longer")
    page.locator("#id_release").select_option(release.slug)
    patch = factories.DIFF + b"# " + b"x" * 900_000
    page.locator("input[type=file]").first.set_input_files(
        {"name": "fix.patch", "mimeType": "text/x-patch", "buffer": patch}
    )
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    page.locator("main form[data-upload] button").last.click()
    page.locator(".upload progress").wait_for()
    page.get_by_text("% sent").wait_for()
    window.check()
    page.wait_for_url("**/contributions/*/")
    assert Contribution.objects.get().title == "Wait longer"


def test_what_was_refused_comes_back_with_its_words(visit: Any) -> None:
    factories.make_release(factories.make_component("swift"), "1.0")
    window = visit(1280)
    window.log_in(factories.make_person("author"))
    page = window.go("/submit/?component=swift")
    page.evaluate("document.querySelector('form[data-upload]').noValidate = true")
    page.locator("textarea[name=description]").fill("Kept as it was typed.")
    page.locator("input[type=file]").first.set_input_files(
        {"name": "fix.patch", "mimeType": "text/x-patch", "buffer": factories.DIFF}
    )
    page.locator("main form[data-upload] button").last.click()
    page.locator(".field-wrong").first.wait_for()
    assert page.locator("textarea[name=description]").input_value() == "Kept as it was typed."
    window.check()
    assert not Contribution.objects.exists()


def test_a_running_build_stands_beside_what_is_usual(visit: Any) -> None:
    release = factories.make_release()
    start = timezone.now()
    passed = factories.make_build(factories.make_contribution(release=release).current, release)
    done = {"started_at": start - timedelta(seconds=100), "finished_at": start}
    Build.objects.filter(pk=passed.pk).update(state="passed", **done)
    running = factories.make_build(factories.make_contribution(release=release).current, release)
    Build.objects.filter(pk=running.pk).update(state="running", started_at=start, finished_at=None)
    page = visit(360).go(f"/builds/{running.pk}/")
    page.get_by_text("Builds like it took 1 min 40 s.").wait_for()
    assert 0 <= page.locator(".estimate").evaluate("bar => bar.value") < 100
    page.wait_for_timeout(2000)
    assert page.locator(".estimate").evaluate("bar => bar.value") > 1
