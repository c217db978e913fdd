"""Components, releases and recipes as staff make them, by action and by command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from contributions.actions.maintaining import add_component, add_release, fetch_upstream, retire, set_recipe, support
from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import Component, Fit, Recipe, UpstreamFetch
from tests.factories import make_component, make_contribution, make_person, make_release
from tests.platform import _kept_apart, author, component, upstream  # noqa: F401 - fixtures, asked for by name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platform import Upstream

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address", ["ext::sh -c touch% x", "--upload-pack=x", "https://user:word@example.org/x.git", "http://127.0.0.1/x"]
)
def test_a_component_is_pulled_from_safe_addresses_only(address: str) -> None:
    with pytest.raises(Invalid):
        add_component(slug="swift", name="Swift", upstream_url=address)
    assert not Component.objects.exists()


@pytest.mark.usefixtures("_kept_apart")
@pytest.mark.parametrize("slug", ["Swift", "a b", "../x", "", "-x"])
def test_a_components_slug_is_a_plain_word(slug: str, upstream: Upstream) -> None:  # noqa: F811
    with pytest.raises(Invalid):
        add_component(slug=slug, name="Swift", upstream_url=f"file://{upstream.path}")


def test_asking_twice_for_a_fetch_queues_one() -> None:
    swift = make_component()
    assert fetch_upstream(component=swift) == fetch_upstream(component=swift)
    assert UpstreamFetch.objects.count() == 1


@pytest.mark.usefixtures("_kept_apart")
def test_the_command_makes_a_component_with_releases_and_a_recipe(
    upstream: Upstream,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('build = "make"\n[environment]\nVERSION = "{release}"\n')
    make_person("keeper")
    call_command(
        "add_component", "song", f"file://{upstream.path}", "--pattern", r"[12]\.0", "--maintainer", "keeper",
        "--recipe", str(recipe), "--cool-down-days", "0", "--no-green-build", "--accept-licence", "MIT",
    )  # fmt: skip
    made = Component.objects.get(slug="song")
    assert list(made.releases.order_by("position").values_list("name", flat=True)) == ["1.0", "2.0"]
    assert made.recipe.environment == {"VERSION": "{release}"}
    assert made.maintainers.get().username == "keeper"
    assert (made.cool_down_days, made.green_build_needed, made.approvals_needed) == (0, False, 1)
    assert made.accepted_licences == ["MIT"]
    assert "2 new" in capsys.readouterr().out


@pytest.mark.usefixtures("_kept_apart")
def test_the_command_says_what_is_wrong_in_one_sentence(upstream: Upstream) -> None:  # noqa: F811
    with pytest.raises(CommandError, match="no account named nobody"):
        call_command("add_component", "song", f"file://{upstream.path}", "--maintainer", "nobody")
    with pytest.raises(CommandError, match="no component"):
        call_command("add_release", "none", "1.0")
    assert not Component.objects.exists()


def test_a_release_is_added_by_its_tag_and_judged(component: Component) -> None:  # noqa: F811
    contribution = make_contribution(component=component)
    release = add_release(component=component, name="the-fourth", ref="4.0")
    assert release.commit
    assert Fit.objects.get(release=release).revision == contribution.current
    with pytest.raises(Clash):
        add_release(component=component, name="the-fourth", ref="4.0")
    with pytest.raises(Missing):
        add_release(component=component, name="the-fifth", ref="5.0")


def test_only_maintainers_and_staff_say_what_is_supported() -> None:
    release, maintainer = make_release(), make_person()
    contribution = make_contribution(release=release)
    release.component.maintainers.add(maintainer)
    with pytest.raises(NotAllowed):
        retire(person=contribution.author, release=release)
    retire(person=maintainer, release=release)
    assert not release.is_supported
    support(person=make_person(is_staff=True), release=release)
    assert release.is_supported
    assert Fit.objects.get().release == release


@pytest.mark.parametrize(
    "given",
    [
        {"build": ""},
        {"build": "make", "steps": "x"},
        {"build": "make", "artifact_patterns": ["../*.whl"]},
        {"build": "make", "artifact_patterns": ["/etc/passwd"]},
        {"build": "make", "environment": {"A=B": "c"}},
        {"build": "make", "environment": {"A": 1}},
        {"build": "make", "wall_seconds": 0},
        {"build": "ma\0ke"},
    ],
)
def test_a_recipe_that_could_not_run_is_refused_and_the_old_one_stays(given: dict[str, Any]) -> None:
    swift = make_component(recipe=False)
    set_recipe(component=swift, recipe={"build": "make"})
    with pytest.raises(Invalid):
        set_recipe(component=swift, recipe=given)
    assert Recipe.objects.get().build == "make"


def test_another_recipe_has_another_digest() -> None:
    swift = make_component(recipe=False)
    first = set_recipe(component=swift, recipe={"build": "make"})
    same = set_recipe(component=swift, recipe={"build": "make"})
    other = set_recipe(component=swift, recipe={"build": "make", "memory_mb": 512})
    assert first.digest == same.digest != other.digest
    assert Recipe.objects.count() == 1


def test_a_toolchain_keeps_its_name_for_what_it_was_made_of(tmp_path: Path, settings: Any) -> None:
    settings.TOOLCHAINS_DIR = tmp_path
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "toolchain.json").write_text('{"requirements": ["wheel==0.45.1"], "digest": ""}')
    call_command("add_toolchain", "tools", "wheel==0.45.1")
    with pytest.raises(CommandError, match="another name"):
        call_command("add_toolchain", "tools", "wheel==0.46.0")
    with pytest.raises(CommandError, match="letters"):
        call_command("add_toolchain", "../tools", "wheel==0.45.1")
