"""A customer's fork of the small platform, made as customers make them, and what becomes of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Carried, Component, Fork, Person
from contributions.pipeline.receiving import receive
from contributions.pipeline.unmasking import unmask
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    GIT_IDENTITY,
    Upstream,
    _kept_apart,
    author,
    component,
    recipe,
    upstream,
)

if TYPE_CHECKING:
    from pathlib import Path


CUSTOMER = GIT_IDENTITY | {"GIT_AUTHOR_NAME": "Customer", "GIT_COMMITTER_NAME": "Customer"}


class Clone(Upstream):
    """A repository whose commits are not upstream's, even those of the same words in the same second."""

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.path, env=CUSTOMER, check=True, capture_output=True, text=True
        ).stdout.strip()


@pytest.fixture
def fork(upstream: Upstream, tmp_path: Path) -> Upstream:  # noqa: F811 - the fixture
    """A clone on a branch `main` that begins at release 2.0."""
    path = tmp_path / "fork"
    upstream.git("clone", "-q", str(upstream.path), str(path))
    clone = Clone(path)
    clone.git("checkout", "-q", "-B", "main", "2.0")
    return clone


def make_fork(component: Component, author: Person, at: Upstream, ref: str = "main", **given: Any) -> Fork:  # noqa: F811
    usual = {"git_url": f"file://{at.path}", "git_ref": ref, "organisation": author.organisation}
    return Fork.objects.create(component=component, author=author, **(usual | given))


def taken_apart(fork: Fork) -> Fork:
    """Take it apart and receive every draft, as the workers do."""
    unmask(fork.pk)
    for revision in fork.carried.filter(state="drafted").values_list("contribution__revisions", flat=True):
        receive(revision)
    fork.refresh_from_db()
    return fork


def told(fork: Fork) -> list[tuple[str, str]]:
    return list(Carried.objects.filter(fork=fork).order_by("position").values_list("title", "state"))
