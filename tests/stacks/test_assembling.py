"""A stack on real git, in the real sandbox: laid once, built once, and its culprit named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.assembling import assemble, build_assembly
from contributions.actions.quarantining import quarantine
from contributions.actions.stacking import make_stack
from contributions.actions.withdrawing import withdraw
from contributions.checkout.runner import git
from contributions.errors import Clash
from contributions.models import Assembly, Build, Contribution, Event, Publication, Stack
from contributions.models.stack_verdict import finding_of
from contributions.pipeline.assembling import assemble as lay
from contributions.pipeline.building import build
from contributions.pipeline.places import mirror_of
from tests.factories import make_person
from tests.pages.conftest import signed_in
from tests.platform import SHOUT, SONG, SONG_MENDED

if TYPE_CHECKING:
    from contributions.models import Component, Person, Recipe
    from tests.stacks.conftest import Share

pytestmark = pytest.mark.django_db
SUNG = SONG.replace("verse 25\n", "verse twenty-five\n")


def carried(author: Person, *patches: Contribution, release: str = "2.0") -> Stack:
    component = patches[0].component
    return make_stack(
        author=author,
        component=component,
        release=component.releases.get(name=release),
        organisation=author.organisation,
        name="What we carry",
        contributions=patches,
    )


def laid(stack: Stack, *, build: bool = True) -> Assembly:
    row = assemble(person=stack.author, stack=stack, build=build)
    lay(row.pk)
    row.refresh_from_db()
    return row


def worked_off() -> int:
    """Build what waits, as often as something does; how many builds that were."""
    count = 0
    while row := Build.objects.filter(state="queued").order_by("pk").first():
        build(row.pk)
        count += 1
    return count


def order_told(row: Assembly) -> list[tuple[int, str]]:
    return [(entry["contribution"], entry["state"]) for entry in row.order]


def test_a_stack_becomes_one_tree_and_a_bundle_that_git_takes(author: Person, share: Share) -> None:
    one, two = share("Sing of fifteen", song__txt=SONG_MENDED), share("Shout", greeting__py=SHOUT)
    row = laid(carried(author, one, two))
    assert (row.state, row.sentence) == ("ready", "2 patches are laid onto 2.0.")
    assert order_told(row) == [(one.pk, "applied"), (two.pk, "applied")]
    mirror = mirror_of(one.component)
    assert git(mirror, "show", f"{row.commit}:song.txt").decode() == SONG_MENDED
    assert git(mirror, "show", f"{row.commit}:greeting.py").decode() == SHOUT
    assert row.bundle is not None
    assert git(mirror, "rev-parse", f"{row.commit}~2").decode().strip() == row.release_commit


def test_asking_twice_lays_once_and_another_order_of_asking_lays_anew(author: Person, share: Share) -> None:
    one, two = share("Sing of fifteen", song__txt=SONG_MENDED), share("Shout", greeting__py=SHOUT)
    stack = carried(author, one, two)
    first = laid(stack)
    assert laid(stack) == first
    assert Assembly.objects.count() == 1
    picks = list(stack.picks.order_by("position"))
    picks[0].position, picks[1].position = 1, 0
    for pick in picks:
        pick.save()
    second = laid(stack)
    assert second != first
    assert second.tree == first.tree
    assert second.commit != first.commit


def test_what_a_trailer_asks_for_goes_first(author: Person, share: Share) -> None:
    one = share("Shout", greeting__py=SHOUT)
    two = share(f"Sing of fifteen\n\nDepends-On: #{one.pk}", song__txt=SONG_MENDED)
    row = laid(carried(author, two, one))
    assert order_told(row) == [(one.pk, "applied"), (two.pk, "applied")]
    assert row.order[1]["why"] == f"Depends on #{one.pk}."


def test_a_conflict_names_both_and_the_files_and_the_order(author: Person, share: Share) -> None:
    one = share("Sing of fifteen", song__txt=SONG_MENDED)
    two = share("Sing of XV", song__txt=SONG.replace("verse 15\n", "verse XV\n"))
    row = laid(carried(author, one, two))
    assert row.state == "conflicts"
    assert row.sentence == (
        f"#{two.pk} v1 conflicts with #{one.pk} v1 in song.txt. The order that was tried: #{one.pk}, #{two.pk}."
    )
    assert [(pair["a"], pair["b"], pair["meeting"]) for pair in row.pairs] == [(one.pk, two.pk, "conflict")]
    assert (row.commit, row.bundle, worked_off()) == ("", None, 0)


def test_what_the_release_has_is_dropped_and_told(author: Person, share: Share) -> None:
    one, two = share("Sing of fifteen", song__txt=SONG_MENDED), share("Shout", greeting__py=SHOUT)
    row = laid(carried(author, one, two, release="3.0"))
    assert order_told(row) == [(one.pk, "upstream"), (two.pk, "applied")]
    assert row.order[0]["why"] == "3.0 has it already."
    assert row.sentence == "1 patch is laid onto 3.0; 1 was there already."


@pytest.mark.usefixtures("recipe")
def test_a_green_stack_is_one_build_whose_files_never_enter_the_feed(author: Person, share: Share) -> None:
    row = laid(carried(author, share("Sing of fifteen", song__txt=SONG_MENDED), share("Shout", greeting__py=SHOUT)))
    assert worked_off() == 1
    row.refresh_from_db()
    assert (row.verdict, row.culprit) == ("passed", None)
    made = row.builds.get()
    assert made.artifacts.get().blob.read().decode() == SONG_MENDED
    assert not Publication.objects.exists()
    assert not Event.objects.filter(verb=Event.Verb.BUILT).exists(), "nothing public tells of it"
    assert laid(row.stack) == row
    assert worked_off() == 0, "nothing is built twice"


def breaking(recipe: Recipe, test: str) -> None:
    recipe.test = test
    recipe.save()


def test_a_red_stack_is_searched_by_halves_and_names_the_patch(author: Person, share: Share, recipe: Recipe) -> None:
    breaking(recipe, "echo checked\ntest ! -e broken.txt")
    patches = [share(f"Add {n}", **{"broken__txt" if n == 5 else f"new{n}__txt": f"{n}\n"}) for n in range(8)]
    row = laid(carried(author, *patches))
    assert worked_off() == 5, "the whole, the bare release, and three to find it"
    row.refresh_from_db()
    assert (row.verdict, row.culprit) == ("failed", patches[5].current)
    assert sorted(row.builds.values_list("depth", "state")) == [
        (4, "passed"), (5, "passed"), (6, "failed"), (8, "failed"),
    ]  # fmt: skip


def test_patches_that_fail_only_together_name_the_second_of_them(author: Person, share: Share, recipe: Recipe) -> None:
    breaking(recipe, "! test -e left.txt || ! test -e right.txt")
    left, other, right = (share(f"Add {name}", **{f"{name}__txt": "x\n"}) for name in ("left", "other", "right"))
    row = laid(carried(author, left, other, right))
    worked_off()
    row.refresh_from_db()
    assert (row.verdict, row.culprit) == ("failed", right.current)


def test_what_fails_without_the_stack_too_blames_nobody(author: Person, share: Share, recipe: Recipe) -> None:
    breaking(recipe, "false")
    row = laid(carried(author, share("Shout", greeting__py=SHOUT), share("Sing", song__txt=SUNG)))
    assert worked_off() == 2
    row.refresh_from_db()
    assert (row.verdict, row.culprit) == ("was-failing", None)


def test_a_search_whose_worker_was_lost_goes_on_where_it_was(author: Person, share: Share, recipe: Recipe) -> None:
    breaking(recipe, "test ! -e broken.txt")
    patches = [share(f"Add {n}", **{"broken__txt" if n == 1 else f"new{n}__txt": f"{n}\n"}) for n in range(4)]
    row = laid(carried(author, *patches))
    whole = row.builds.get()
    build(whole.pk)
    build(Build.objects.bare().get().pk)
    step = row.builds.exclude(pk=whole.pk).get()
    assert step.depth == 2
    assert Build.objects.claim(step.pk)
    Build.objects.filter(pk=step.pk).update(lease_until="2020-01-01T00:00Z")  # its worker is gone
    build(step.pk)
    build(step.pk)
    assert worked_off() == 1
    row.refresh_from_db()
    assert row.culprit == patches[1].current
    assert row.builds.count() == 3


@pytest.mark.parametrize("what", ["part", "bare"])
def test_a_search_that_stopped_names_the_build(author: Person, share: Share, recipe: Recipe, what: str) -> None:
    breaking(recipe, "test ! -e broken.txt")
    patches = [share(f"Add {n}", **{"broken__txt" if n == 1 else f"new{n}__txt": f"{n}\n"}) for n in range(4)]
    row = laid(carried(author, *patches))
    whole = row.builds.get()
    build(whole.pk)
    bare = Build.objects.bare().get()
    if what == "part":
        build(bare.pk)
    step = row.builds.get(depth=2) if what == "part" else bare
    page = signed_in(author).get(row.get_absolute_url()).content.decode()
    assert "is looked for" in page, "the control"
    Build.objects.filter(pk=step.pk).update(state="errored")
    row.refresh_from_db()
    told = f"build {step.pk} of the {'first 2' if what == 'part' else 'bare release'} went wrong on our side"
    assert told in finding_of(row)
    page = signed_in(author).get(row.get_absolute_url()).content.decode()
    assert told in page
    assert f'went wrong on our side.</b> <a href="/builds/{step.pk}/">' in page


def test_a_stack_that_a_lost_worker_held_is_laid_by_another_one(author: Person, share: Share) -> None:
    row = assemble(person=author, stack=carried(author, share("Shout", greeting__py=SHOUT)))
    held = Assembly.objects.claim(row.pk)
    assert held is not None
    lay(row.pk)
    row.refresh_from_db()
    assert row.state == "running", "the control: the lease holds"
    Assembly.objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00Z")
    lay(row.pk)
    row.refresh_from_db()
    assert row.state == "ready"
    with pytest.raises(Exception, match="no longer running"):
        held.finish("conflicts")
    assert Assembly.objects.get().state == "ready"


@pytest.mark.parametrize("how", ["withdrawn", "in quarantine"])
def test_what_was_taken_back_is_not_laid_any_more(author: Person, share: Share, how: str) -> None:
    one = share("Shout", greeting__py=SHOUT)
    stack = carried(author, one)
    before = laid(stack)
    later = assemble(person=author, stack=carried(author, one))
    if how == "withdrawn":
        withdraw(person=author, contribution=one, reason="It is wrong.")
    else:
        quarantine(person=make_person(is_staff=True), contribution=one, reason="It is odd.")
    with pytest.raises(Clash, match=f"#{one.pk} is {how}"):
        assemble(person=author, stack=stack)
    with pytest.raises(Clash, match=f"#{one.pk} is {how}"):
        build_assembly(person=author, assembly=before)
    lay(later.pk)
    later.refresh_from_db()
    assert (later.state, later.sentence) == ("refused", f"#{one.pk} is {how}: take it out of the stack.")
    before.refresh_from_db()
    assert before.state == "ready", "the history stays"


def test_a_circle_is_named_and_nothing_is_laid(author: Person, share: Share) -> None:
    one = share("Shout", greeting__py=SHOUT)
    two = share(f"Sing\n\nDepends-On: #{one.pk}", song__txt=SUNG)
    one.depends_on.add(two)
    with pytest.raises(Clash, match=f"#{one.pk} depends on #{two.pk}, which depends on #{one.pk}"):
        assemble(person=author, stack=carried(author, one, two))
    assert not Assembly.objects.exists()


def test_who_needs_only_itself_needs_nothing(author: Person, share: Share) -> None:
    one = share("Shout", greeting__py=SHOUT)
    one.depends_on.add(one)
    assert laid(carried(author, one)).state == "ready"


def test_the_stack_that_a_vanished_mirror_held_is_built_from_its_bundle(
    author: Person, share: Share, recipe: Recipe, component: Component
) -> None:
    assert recipe
    row = laid(carried(author, share("Sing of fifteen", song__txt=SONG_MENDED)))
    mirror = mirror_of(component)
    mirror.rename(mirror.with_name("gone.git"))
    worked_off()
    row.refresh_from_db()
    assert row.verdict == "passed"
