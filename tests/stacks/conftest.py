"""The pages' platform, and a real upstream with patches on it, for what is tried with stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.pipeline.receiving import receive
from tests.pages.conftest import platform as platform
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    _kept_apart,
    author,
    component,
    recipe,
    upstream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component, Contribution, Person
    from tests.platform import Upstream

    Share = Callable[..., Contribution]


@pytest.fixture
def share(author: Person, component: Component, upstream: Upstream) -> Share:  # noqa: F811 - the fixtures above
    """Share a patch on a release, and have it received."""

    def shared(title: str, base: str = "2.0", **files: str) -> Contribution:
        mail = upstream.patch(base, title, **files)
        contribution = submit(
            author=author,
            component=component,
            kind="refinement",
            title=title.partition("\n")[0],
            release=component.releases.filter(name=base).first(),
            source=PatchFile(SimpleUploadedFile("0001.patch", mail)),
        )
        receive(contribution.revisions.get().pk)
        contribution.refresh_from_db()
        assert contribution.current is not None, contribution.revisions.get().sentence
        return contribution

    return shared
