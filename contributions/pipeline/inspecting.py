"""Looking into an uploaded file in a jail of its own, before anybody but its sender may have it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from contributions import sandbox
from contributions.errors import Invalid, Trouble
from contributions.inspection import reports
from contributions.models import Artifact

from .confining import executor

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Blob, Revision

REPORT = "report.json"
LOOK = """
python3 -I -S -B -c 'import sys
sys.path.insert(0, "/prepared")
from inspection.looking import main
main(*sys.argv[1:])' /prepared/file "$FILE_NAME" "$MOST" > report.json
"""
LIMITS = sandbox.Limits(
    wall_seconds=300, idle_seconds=300, memory_mb=512, processes=16, disk_mb=64, file_mb=16, artifact_mb=4
)
GROWTH = 8  # however large a file is, no more may come out of it than so many of the largest


def inspected(revision: Revision, blob: Blob, *, keep_going: Callable[[], bool]) -> reports.Report:
    """What the file is and holds. Raises Invalid when it would do harm, Trouble when we could not look."""
    with tempfile.TemporaryDirectory(prefix="patchbay-inspect-") as place:
        outcome = _run(blob, revision.filename, Path(place), keep_going)
        report = _report(outcome)
    if report.refused:
        raise Invalid(report.refused)
    return report


def _run(blob: Blob, name: str, place: Path, keep_going: Callable[[], bool]) -> sandbox.Outcome:
    shown = place / "shown"
    shown.mkdir(mode=0o755)
    place.chmod(0o755)
    reports.put_program_into(shown)
    with blob.open() as content, (shown / "file").open("wb") as copy:
        shutil.copyfileobj(content, copy)
    job = sandbox.Job(
        steps=(sandbox.Step("inspect", LOOK),),
        prepared=shown,
        environment={"FILE_NAME": name, "MOST": str(GROWTH * settings.MAX_ARTIFACT_BYTES)},
        artifact_patterns=(REPORT,),
        image=settings.IMAGE,
        limits=LIMITS,
    )
    return executor().run(job, on_output=lambda _: None, keep_going=keep_going, artifacts_to=place)


def _report(outcome: sandbox.Outcome) -> reports.Report:
    """The program's word; a file over which it dies is not taken, for so would the next program that opens it."""
    if outcome.verdict == sandbox.Verdict.PASSED:
        try:
            return reports.read_report(outcome.artifacts[0].path.read_bytes())
        except reports.NoReport:
            return reports.Report(refused="It cannot be looked into: the program that tried lost its way.")
    if outcome.verdict in {sandbox.Verdict.ERRORED, sandbox.Verdict.STOPPED}:
        raise Trouble(outcome.sentence)
    met = f": it met the {outcome.limit.words}" if outcome.limit else ""
    return reports.Report(refused=f"It cannot be looked into{met}.")


def refuse_other_bytes(revision: Revision, blob: Blob) -> None:
    """A name that was published once belongs to its bytes for ever, also after they were withdrawn."""
    component = revision.contribution.component_id
    taken = Artifact.objects.published_for(component).called(revision.filename).exclude(blob=blob).first()
    if taken is not None:
        raise Invalid(
            f"{revision.filename} was published already with other bytes (SHA-256 {taken.sha256}). A file that people"
            " have installed never changes under its name: give this one a new version."
        )
