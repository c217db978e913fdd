"""What differs between two sets of artifacts: told by diffoscope in a jail, or by ourselves where there is none."""

from __future__ import annotations

import shutil
from typing import IO, TYPE_CHECKING

from django.conf import settings

from contributions import sandbox
from contributions.errors import Trouble
from contributions.inspection import reports

from .confining import executor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from contributions.models import Blob

REPORT = "report.txt"
MOST = 512 * 1024  # bytes of a report
COMPARE = f"""
report="$PWD/{REPORT}"
cd /prepared
if command -v diffoscope >/dev/null && diffoscope --version >/dev/null 2>&1; then
    timeout 240 diffoscope --no-progress --exclude-directory-metadata=yes --max-text-report-size={MOST} \\
        --text="$report" first second || [ $? = 1 ] || rm -f "$report"
fi
[ -s "$report" ] || python3 -I -S -B -c 'import sys
sys.path.insert(0, "/prepared")
from inspection.comparing import main
main("first", "second")' > "$report"
"""
LIMITS = sandbox.Limits(
    wall_seconds=300, idle_seconds=300, memory_mb=1024, processes=64, disk_mb=1024, file_mb=512, artifact_mb=1
)


def difference_between(
    first: Mapping[str, Blob],
    second: Sequence[sandbox.Artifact],
    place: Path,
    keep_going: Callable[[], bool],
) -> bytes:
    """A report for people, as text. Raises Trouble when nobody could look."""
    shown, result = place / "compared", place / "comparison"
    for directory in (shown, result):
        directory.mkdir(mode=0o755)
    reports.put_program_into(shown)
    for name, blob in first.items():
        with blob.open() as content:
            _lay_down(shown / "first" / name, content)
    for artifact in second:
        with artifact.path.open("rb") as content:
            _lay_down(shown / "second" / artifact.name, content)
    outcome = executor().run(_job(shown), on_output=lambda _: None, keep_going=keep_going, artifacts_to=result)
    if outcome.verdict != sandbox.Verdict.PASSED:
        raise Trouble(outcome.sentence)
    return outcome.artifacts[0].path.read_bytes()[:MOST].replace(b"\0", b"")


def _lay_down(path: Path, content: IO[bytes]) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with path.open("wb") as copy:
        shutil.copyfileobj(content, copy)


def _job(shown: Path) -> sandbox.Job:
    return sandbox.Job(
        steps=(sandbox.Step("compare", COMPARE),),
        prepared=shown,
        artifact_patterns=(REPORT,),
        image=settings.IMAGE,
        own_tools=True,
        limits=LIMITS,
    )
