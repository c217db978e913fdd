"""Meets each limit of a jail on purpose, and watches that it holds and that nothing is left."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from contributions.sandbox.jobs import Limits, Outcome, Verdict
from contributions.sandbox.trials import LIMITS, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

Judge = tuple[bool, str]

# The limit in these trials is a second; a busy host may need some more to start the jail and to clear it away.
_TIMELY = 5.0
_KEPT = 1 << 16
_FORK = """
import os, time
for n in range(100):
    if os.fork() == 0:
        time.sleep(9)
        os._exit(0)
"""
_SPIN = """
import time
end = time.monotonic() + 1
while time.monotonic() < end:
    pass
print("spent", time.process_time())
"""
_ARTIFACTS = """
mkdir dist && cd dist
echo plain > plain.txt
ln -s /etc/passwd link.txt
ln -s "$CANARY" canary.txt
ln -s / directory
python3 -c 'import os, socket; os.mkfifo("pipe.txt"); socket.socket(socket.AF_UNIX).bind("socket.txt")'
"""


def starts(trial: Trial) -> Judge:
    tried = trial.run("echo it runs")
    return tried.outcome.verdict == Verdict.PASSED and "it runs" in tried.log, tried.outcome.sentence


def _no_root(trial: Trial) -> Judge:
    """Who owns on this host what the jail's user makes."""
    made = Path(tempfile.mkdtemp(dir=trial.directory))
    trial.run("id -u; touch /prepared/mine", prepares=made)
    owner = (made / "mine").stat().st_uid
    return owner != 0, f"builds run as user {owner} of this host"


def _python(code: str) -> str:
    return f"python3 - <<'END'\n{code}\nEND\n"


def _limited(outcome: Outcome, *names: str) -> Judge:
    return bool(outcome.limit and outcome.limit.name in names), outcome.sentence


def _memory(trial: Trial) -> Judge:
    """Four processes, none of them over the limit, together far above it."""
    hog = "import time; held = b'x' * (40 << 20); time.sleep(2)"
    script = f'for n in 1 2 3 4; do python3 -c "{hog}" & pids="${{pids:-}} $!"; done\nfor p in $pids; do wait $p; done'
    return _limited(trial.run(script).outcome, "memory")


def _processes(trial: Trial) -> Judge:
    return _limited(trial.run(_python(_FORK)).outcome, "processes")


def _disk(trial: Trial) -> Judge:
    return _limited(trial.run("for n in 1 2 3; do head -c 20M /dev/zero > filler$n; done").outcome, "disk")


def _one_file(trial: Trial) -> Judge:
    return _limited(trial.run("truncate -s 30M sparse").outcome, "file")


def _file_count(trial: Trial) -> Judge:
    """Until the limit ends it: an empty file weighs nothing on the disk, yet the kernel pays for it."""
    litter = "import pathlib, time\nfor n in range(1200):\n    pathlib.Path(str(n)).touch()\ntime.sleep(9)"
    return _limited(trial.run(_python(litter), limits=replace(LIMITS, disk_mb=2)).outcome, "files")


def _log(trial: Trial) -> Judge:
    tried = trial.run("tr '\\0' 'x' < /dev/zero", limits=replace(LIMITS, log_bytes=_KEPT))
    held, sentence = _limited(tried.outcome, "log")
    kept = len(tried.output)
    return held and kept < 2 * _KEPT, f"{sentence} {kept} bytes were kept."


def _wall_clock(trial: Trial) -> Judge:
    return _ends_all(trial, replace(LIMITS, wall_seconds=1), "while :; do echo still here; sleep 0.2; done")


def _silence(trial: Trial) -> Judge:
    return _ends_all(trial, replace(LIMITS, idle_seconds=1), "sleep 15")


def _ends_all(trial: Trial, limits: Limits, script: str) -> Judge:
    """Signals are ignored, and a child lives in a session of its own."""
    marker = f"31536{secrets.randbelow(10**9):09}"
    stubborn = f"trap '' TERM INT HUP\n(trap '' TERM HUP; exec > /dev/null 2>&1; setsid sleep {marker}) &\n{script}\n"
    outcome = trial.run(stubborn, limits=limits).outcome
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if marker in _text(path)]
    held = outcome.verdict == Verdict.TIMED_OUT and outcome.seconds < _TIMELY and not left
    return held, f"{outcome.sentence} {len(left)} processes were left."


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _artifacts(trial: Trial) -> Judge:
    canary = trial.directory / "canary-for-links"
    canary.write_text(word := secrets.token_hex(16))
    canary.chmod(0o644)
    outcome = trial.run(_ARTIFACTS, environment={"CANARY": str(canary)}, artifact_patterns=("dist/**",)).outcome
    taken = [artifact.name for artifact in outcome.artifacts]
    held = taken == ["dist/plain.txt"] and not any(word in _text(artifact.path) for artifact in outcome.artifacts)
    return held, f"taken: {', '.join(taken) or 'none'}; refused: {len(outcome.refused)}"


def _counted(trial: Trial) -> Judge:
    version, bound = trial.executor.counted()
    names = ", ".join(bound) or "nothing"
    return {"memory", "pids"} <= set(bound), f"control groups of version {version or 'none'} bound {names}"


def _shared_out(trial: Trial) -> Judge:
    """Six busy loops of a second, in a jail that was granted a fifth of a processor."""
    tried = trial.run(
        f"cat > spin.py <<'END'\n{_SPIN}\nEND\nfor n in 1 2 3 4 5 6; do python3 spin.py & done; wait",
        limits=replace(LIMITS, cpus=0.2),
    )
    spent = sum(float(line.split()[1]) for line in tried.log.splitlines() if line.startswith("spent"))
    held = "cpu" in trial.executor.counted()[1] and 0 < spent < 0.6  # noqa: PLR2004 - three times what was granted
    return held, f"six loops of a second each got {spent:.1f} s at a fifth of a processor"


ATTACKS: dict[str, Callable[[Trial], Judge]] = {
    "no root outside": _no_root,
    "memory is bounded": _memory,
    "processes are bounded": _processes,
    "the disk is bounded": _disk,
    "the size of a file is bounded": _one_file,
    "the number of files is bounded": _file_count,
    "the log is bounded": _log,
    "an end in time for the whole tree": _wall_clock,
    "an end for the silent": _silence,
    "artifacts are plain files of the work area": _artifacts,
    "the kernel counts memory and processes": _counted,
    "processor time is shared out": _shared_out,
}
