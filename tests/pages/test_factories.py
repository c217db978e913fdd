import pytest

from contributions.models import Standing
from tests import factories

pytestmark = pytest.mark.django_db


def test_every_factory_makes_its_row_with_nothing_given() -> None:
    for name in dir(factories):
        if name.startswith("make_") and name not in {"make_commit_id", "make_recipe"}:
            thing = getattr(factories, name)()
            assert thing.pk, name


def test_recomputed_evidence_counts_the_builds_and_reports() -> None:
    revision = factories.make_revision()
    contribution = revision.contribution
    release = factories.make_release(contribution.component)
    factories.make_build(revision, release)
    factories.make_report(contribution, release)
    factories.make_vote(contribution)
    factories.recompute(contribution)
    assert (contribution.green_count, contribution.running_count, contribution.up) == (1, 1, 1)
    assert Standing.objects.get(contribution=contribution).score > 0.5
