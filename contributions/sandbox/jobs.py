"""What a build asks of the sandbox and what it gets back: plain values, checked when they are made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from contributions import errors

MEGABYTE = 1 << 20

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_STEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,59}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")


class Verdict(StrEnum):
    """How a build ended; only `ERRORED` is our own fault."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    ERRORED = "errored"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Limits:
    """How much a build may use; memory counts the files it keeps as well, for they live in memory.

    `log_bytes` of the log are kept; more than `log_mb` of output is no log, and the build is ended.
    """

    wall_seconds: float = 600
    idle_seconds: float = 300
    memory_mb: int = 2048
    processes: int = 256
    disk_mb: int = 1024
    file_mb: int = 512
    log_bytes: int = 4 * MEGABYTE
    log_mb: int = 128
    artifacts: int = 200
    artifact_mb: int = 256
    network_mb: int = 2048
    cpus: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise errors.Invalid(f"The limit {name} must be above zero.", field=name)


@dataclass(frozen=True)
class Step:
    """A named part of a recipe, run by `sh -eu`."""

    name: str
    script: str

    def __post_init__(self) -> None:
        if not _STEP_NAME.match(self.name):
            raise errors.Invalid("A step's name has 1 to 60 letters, digits, spaces, dots or dashes.", field="name")
        if "\0" in self.script:
            raise errors.Invalid("A script cannot hold a NUL byte.", field="script")


@dataclass(frozen=True)
class Network:
    """Where a job may go, by way of the worker's proxy alone.

    `hosts` are words as `ways.read_rule` reads them. `parent` is the URL of a proxy that stands between us and the
    world. `allow_private` is development: names may lead inside.
    """

    hosts: tuple[str, ...] = ("*",)
    parent: str = ""
    allow_private: bool = False
    idle_seconds: float = 60


@dataclass(frozen=True)
class Variation:
    """Where and how the steps run, as far as nothing that they make should depend on it."""

    tree: str = "/build/tree"
    hostname: str = "build"
    umask: int = 0o022
    environment: dict[str, str] = field(default_factory=dict)


USUAL = Variation()
# For a second run whose bytes are held against those of the first. The zone is in POSIX's own words, for a jail may
# have no table of zones; a language that is not installed changes messages and sorting all the same.
ELSEWHERE = Variation(
    tree="/build/another/and/longer/place",
    hostname="elsewhere",
    umask=0o027,
    environment={
        "TZ": "ELSE-13:45",
        "LANG": "fr_CH.UTF-8",
        "LANGUAGE": "fr_CH:fr",
        "LC_CTYPE": "C.UTF-8",
        "HOME": "/build/another/home",
    },
)


@dataclass(frozen=True)
class Job:
    """One run: what to check out, what to run, and which files to take home.

    `sources` is a bare repository or a bundle; `commit` is checked out into the tree where the steps run. With a
    `base`, a release that was unpacked into its `tree` and `source.git`, sources hold only what the commit adds to it,
    or there are none. `image` is the base image of an executor that needs one.
    `output` is an empty host directory that the steps fill at /prepared; `prepared` is such a directory, read-only.
    Without a `network` there is none. `own_tools` shows what the host's administrator installed beside the system, for
    programs of the portal; no build sees it. The `variation` is the usual one unless the run is to be held against
    another.
    """

    steps: tuple[Step, ...]
    sources: Path | None = None
    base: Path | None = None
    commit: str = ""
    toolchain: Path | None = None
    prepared: Path | None = None
    output: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    network: Network | None = None
    image: str = ""
    artifact_patterns: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    variation: Variation = USUAL
    own_tools: bool = False

    def __post_init__(self) -> None:
        if not self.steps:
            raise errors.Invalid("A job needs at least one step.", field="steps")
        if not (self.sources is None and self.base is None) and not _COMMIT.match(self.commit):
            raise errors.Invalid("A job with sources names its commit by 40 or 64 hexadecimal digits.", field="commit")
        if self.prepared is not None and self.output is not None:
            raise errors.Invalid("A job either fills a prepared directory or reads one.", field="output")
        for name, value in self.environment.items():
            if not _VARIABLE.match(name) or "\0" in value:
                raise errors.Invalid(f"{name!r} cannot be set in a build's environment.", field="environment")
        for pattern in self.artifact_patterns:
            _require_inner_path(pattern)


def _require_inner_path(pattern: str) -> None:
    path = PurePosixPath(pattern)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in pattern:
        raise errors.Invalid(f"The artifact pattern {pattern!r} leaves the work tree.", field="artifact_patterns")


@dataclass(frozen=True)
class ReachedLimit:
    """The limit that ended a build, by name and in words with its value."""

    name: str
    words: str


@dataclass(frozen=True)
class StepEnd:
    """How one step ended; a script killed by signal N shows exit code 128 + N, as in a shell."""

    name: str
    exit_code: int
    seconds: float


@dataclass(frozen=True)
class Artifact:
    """A file that the build made; `name` is its path in the work tree, `path` where it lies on the host."""

    name: str
    path: Path
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class RefusedFile:
    """A file that matched a pattern and was not taken, with the reason in words."""

    name: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `sentence` says it to the customer."""

    verdict: Verdict
    sentence: str
    seconds: float
    step: str = ""
    exit_code: int | None = None
    limit: ReachedLimit | None = None
    steps: tuple[StepEnd, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    refused: tuple[RefusedFile, ...] = ()
    log_bytes: int = 0
