"""The small platform of the pipeline, and short ways to share on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.models import Fit
from contributions.pipeline.fitting import fit
from contributions.pipeline.receiving import receive
from tests.factories import make_organisation, make_person
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    _kept_apart,
    author,
    component,
    recipe,
    upstream,
)

if TYPE_CHECKING:
    from contributions.models import Component, Contribution, Person
    from tests.platform import Upstream


class Shares(Protocol):
    def __call__(self, base: str = "1.0", title: str = "A change", **given: Any) -> Contribution: ...


def judge(contribution: Contribution) -> Contribution:
    """Receive what waits of it and judge it on every release."""
    for revision in contribution.revisions.filter(state="queued"):
        receive(revision.pk)
    for row in Fit.objects.filter(revision__contribution=contribution, state="queued"):
        fit(row.pk)
    contribution.refresh_from_db()
    return contribution


@pytest.fixture
def peer() -> Person:
    return make_person("peer", organisation=make_organisation("Another operator"))


@pytest.fixture
def shared(author: Person, component: Component, upstream: Upstream) -> Shares:  # noqa: F811 - the fixtures above
    """Share a patch made on a release; `files` is what becomes of its files, the rest goes to `submit`."""

    def share(base: str = "1.0", title: str = "A change", **given: Any) -> Contribution:
        files = {name: given.pop(name) for name in list(given) if "__" in name}
        mail = upstream.patch(base, title, **files)
        given = {"author": author, "kind": "refinement"} | given
        source = PatchFile(SimpleUploadedFile("0001.patch", mail))
        release = component.releases.get(name=base)
        return judge(submit(component=component, release=release, title=title, source=source, **given))

    return share
