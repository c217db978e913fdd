from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import Standing
from tests.factories import make_contribution, make_release

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_release_ranks_and_shows_by_the_score_on_itself(client: Client) -> None:
    release = make_release()
    for title, here, elsewhere in (("Good elsewhere", 0.11, 0.99), ("Good here", 0.88, 0.01)):
        contribution = make_contribution(release=release, title=title)
        other = make_release(release.component)
        Standing.objects.create(contribution=contribution, release=release, score=here)
        Standing.objects.create(contribution=contribution, release=other, score=elsewhere)
        type(contribution).objects.filter(pk=contribution.pk).update(score=elsewhere)
    page = client.get(release.get_absolute_url()).content.decode()
    assert page.index("Good here") < page.index("Good elsewhere")
    assert "0.88" in page
    assert "0.99" not in page
