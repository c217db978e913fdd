"""Writing down where contributions touch their component, for those that were received before that was done."""

from __future__ import annotations

from django.db import transaction

from contributions import patches
from contributions.errors import Refusal
from contributions.models import Contribution, Touch


def note_again() -> int:
    """Write it down for all that has a diff, one at a time; returns for how many. May be stopped and begun again."""
    patched = Contribution.objects.exclude(current__diff=None).order_by("pk").values_list("pk", flat=True)
    return sum(_noted(pk) for pk in patched.iterator())


def _noted(pk: int) -> bool:
    with transaction.atomic():
        contribution = Contribution.objects.select_for_update(of=("self",)).select_related("current").get(pk=pk)
        revision = contribution.current
        if revision is None or revision.diff is None:
            return False
        try:
            files = patches.parse_diff(revision.diff.read())
        except Refusal:
            return False  # kept by a version that read diffs otherwise; its pages show it still
        Touch.objects.replace(contribution, files, revision.fingerprints)
    return True
