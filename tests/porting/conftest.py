"""A platform on which a patch for 1.0 conflicts with 4.0, and somebody who ports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.porting import propose_port
from contributions.actions.sources import PatchFile
from contributions.models import Contribution, Fit, Revision
from contributions.pipeline.fitting import fit
from contributions.pipeline.receiving import receive
from tests.factories import make_person
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    SONG_MENDED,
    SONG_REWRITTEN,
    _kept_apart,
    author,
    component,
    recipe,
    send,
    upstream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Person
    from tests.platform import Upstream

LOUD = SONG_MENDED.replace("fifteen", "FIFTEEN")
LOUD_ROMAN = SONG_REWRITTEN.replace("verse XV\n", "VERSE XV\n")
Port = "Callable[..., Revision]"


@pytest.fixture
def loud(send: Callable[..., Revision]) -> Contribution:  # noqa: F811 - the fixture
    """A patch that conflicts with 3.0 and 4.0, judged everywhere."""
    contribution: Contribution = send(title="Sing louder", song__txt=LOUD).contribution
    judge(contribution)
    contribution.refresh_from_db()
    return contribution


@pytest.fixture
def port(upstream: Upstream, loud: Contribution) -> Callable[..., Revision]:  # noqa: F811 - the fixture
    """Propose a port as whoever is named, receive and judge it."""

    def ported(to: str = "4.0", *, made_on: str = "", person: Person | None = None, **files: str) -> Revision:
        mail = upstream.patch(made_on or to, "Sing louder", **(files or {"song__txt": LOUD_ROMAN}))
        source = PatchFile(SimpleUploadedFile("0001.patch", mail))
        given: dict[str, Any] = {"person": person or make_person(), "contribution": loud}
        made = propose_port(**given, release=loud.component.releases.get(name=to), source=source, note="Romans.")
        receive(made.pk)
        judge(loud)
        loud.refresh_from_db()
        return Revision.objects.get(pk=made.pk)

    return ported


def judge(contribution: Contribution) -> None:
    for row in Fit.objects.filter(revision__contribution=contribution, state="queued"):
        fit(row.pk)
