"""What a red build says beside the bare release: the patch broke it, it was broken, or that is not known yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext as _

from .build import Build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STEPS = ("prepare", "build", "test")  # in the order in which a recipe runs them
MANY = 500  # failing tests that are kept of a build; of one that has so many, more may have failed
RED = frozenset({Build.State.FAILED, Build.State.TIMED_OUT})
Key = tuple[int, str, str]


class Word(StrEnum):
    BROKEN_BY_PATCH = "only-with-this-patch"
    WAS_FAILING = "was-already-failing"
    NOT_KNOWN = "not-known-yet"


@dataclass(frozen=True)
class Comparison:
    """A red build beside the bare one of the same release, commit and recipe (`bare`, None where there is none)."""

    build: Build
    bare: Build | None

    @property
    def word(self) -> Word:
        if self.bare is None or not (self.bare.has_passed or self.bare.state in RED):
            return Word.NOT_KNOWN
        return Word.BROKEN_BY_PATCH if self.bare.has_passed or self.is_earlier or self.new_tests else Word.WAS_FAILING

    @property
    def is_earlier(self) -> bool:
        """Whether it fails in a step that the bare release passes."""
        steps = [_place(build.failed_step) for build in (self.build, self.bare) if build is not None]
        return len(steps) == len((self.build, self.bare)) and steps[0] < steps[1]

    @property
    def new_tests(self) -> list[str]:
        """Failing tests that the bare release passes; none where it did not come as far as to its tests."""
        if self.bare is None or _place(self.bare.failed_step) < _place(self.build.failed_step):
            return []
        if self.bare.state != Build.State.FAILED or not 0 < len(self.bare.failed_tests) < MANY:
            return []
        known = set(self.bare.failed_tests)
        return [name for name in self.build.failed_tests if name not in known]

    @property
    def sentence(self) -> str:
        """For people; the first new test is named as the log names it."""
        if self.bare is None:
            return _("The bare release is not built yet, so it is not known whether it was failing before.")
        if self.word == Word.NOT_KNOWN:
            return self._unknown()
        return self._broken() if self.word == Word.BROKEN_BY_PATCH else self._known()

    def _unknown(self) -> str:
        if self.bare is not None and self.bare.state == Build.State.ERRORED:
            return _("The bare release could not be built through a fault of this site, so nothing is known of it.")
        return _("The bare release is being built for comparison.")

    def _broken(self) -> str:
        test = next(iter(self.new_tests or self.build.failed_tests), "")
        if test:
            return _("Fails %(test)s, which the bare release passes.") % {"test": test}
        if self.build.failed_step:
            return _("Fails in the step %(step)s, which the bare release passes.") % {"step": self.build.failed_step}
        return _("Fails only with this patch: the bare release passes.")

    def _known(self) -> str:
        if self.build.failed_tests and self.bare is not None and self.bare.failed_tests:
            count = len(self.build.failed_tests)
            return (
                _("Was already failing: the same test fails without it.")
                if count == 1
                else _("Was already failing: the same tests fail without it.")
            )
        return _("Was already failing: the bare release does not pass either.")


def _place(step: str) -> int:
    return STEPS.index(step) if step in STEPS else len(STEPS)


def compared(builds: Iterable[Build]) -> dict[int, Comparison]:
    """Of the red ones among builds of patches and stacks, by their keys, the comparison; by one query at most."""
    red = [build for build in builds if build.state in RED and not build.is_bare]
    bare = _bare_ones({key_of(build) for build in red}) if red else {}
    return {build.pk: Comparison(build, bare.get(key_of(build))) for build in red}


def set_beside(builds: Iterable[Build]) -> None:
    """Put the comparison beside each red build of a list."""
    rows = list(builds)
    found = compared(rows)
    for build in rows:
        build.beside = found.get(build.pk)


def key_of(build: Build) -> Key:
    """What the bare build that it is compared with is told by. Old builds do not say on which commit they stand."""
    return build.release_id, build.upstream_commit, build.recipe_digest


def _bare_ones(keys: set[Key]) -> Mapping[Key, Build]:
    wanted = Q(release__in={release for release, _, _ in keys}, recipe_digest__in={digest for _, _, digest in keys})
    rows = Build.objects.bare().filter(wanted).defer("recipe", "sandbox").order_by("pk")
    found: dict[Key, Any] = {}
    for row in rows:
        found[row.release_id, row.commit, row.recipe_digest] = row
        found[row.release_id, "", row.recipe_digest] = row
    return found
