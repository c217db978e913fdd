"""The only room that starts processes of strangers' making: each in a jail of its own, or not at all."""

from contributions.sandbox.bubblewrap import (
    SandboxUnavailable as SandboxUnavailable,
    find_bubblewrap as find_bubblewrap,
)
from contributions.sandbox.executors import (
    EXECUTORS as EXECUTORS,
    Executor as Executor,
    executor_named as executor_named,
)
from contributions.sandbox.jobs import (
    ELSEWHERE as ELSEWHERE,
    USUAL as USUAL,
    Artifact as Artifact,
    Job as Job,
    Limits as Limits,
    Network as Network,
    Outcome as Outcome,
    ReachedLimit as ReachedLimit,
    RefusedFile as RefusedFile,
    Step as Step,
    StepEnd as StepEnd,
    Variation as Variation,
    Verdict as Verdict,
)
from contributions.sandbox.launching import BUILD_UID as BUILD_UID
from contributions.sandbox.promises import Promise as Promise, self_check as self_check
from contributions.sandbox.roots import (
    digest_of_archive as digest_of_archive,
    make_root_toolchain as make_root_toolchain,
)
from contributions.sandbox.running import run as run
from contributions.sandbox.sealing import seal as seal
from contributions.sandbox.toolchains import (
    digest_of as digest_of,
    make_toolchain as make_toolchain,
    read_toolchain as read_toolchain,
)
