"""The part that runs inside the jail: checks out, runs the steps, and sends the artifacts home in frames.

It is one file of the standard library alone, given to the jail's own python3. The build runs as the same user and can
take this process over, so the parent believes nothing it sends without looking.
"""

from __future__ import annotations

import marshal
import os
import resource
import stat
import struct
import sys
import time

TYPE_CHECKING = False  # the modules typing, json, re and signal would each double this program's start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import FileIO
    from typing import Any

ROOM = "/run/patchbay"
TREE = "/build/tree"
EPOCH = "/build/epoch"
UNPACKED = "/unpacked"  # the release's work tree, where the worker could not lay it below the build's own
# Where a job with a network hands its proxy's listening socket out, and where its programs find the proxy.
DOOR = "/run/patchbay-door"
PROXY_PORT = 3128  # as ever since Squid
SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25
CHUNK = 1 << 20
DEEPEST = 100

# A frame: its kind, the length of its name, the length of its body.
HEADER = struct.Struct(">cHQ")
BEGUN, STEP_BEGUN, STEP_ENDED, FILE, REFUSED, TOO_LARGE, FINISHED, NO_CHECKOUT = (
    bytes([letter]) for letter in b"BSDFRLEC"
)

CHECK_OUT = """
git init --quiet --template= "$1"
cd "$1"
if [ -d /source.git ]; then
  echo /source.git/objects > .git/objects/info/alternates
  if [ -f /source.git/shallow ]; then cp /source.git/shallow .git/shallow; fi
  git --git-dir=/source.git for-each-ref --format='create %(refname) %(objectname)' refs/tags |
    git update-ref --stdin || echo 'The tags were left out.'
else
  git bundle unbundle /source.git > "$3.refs"
  while read -r id ref; do
    case $ref in refs/tags/*) git update-ref "$ref" "$id" ;; esac
  done < "$3.refs"
  rm "$3.refs"
fi
git -c advice.detachedHead=false -c core.hooksPath=/dev/null checkout --quiet --detach "$2"
git log -1 --format=%ct > "$3"
"""
# The same from a release that the worker unpacked: git moves its tree to the commit, if that is another. Where checkout
# would look at every file, read-tree touches those that differ.
MOVE_ON = """
cd "$1"
read -r date < /base.git/date
if [ -d /source.git ]; then
  read -r date < /source.git/date
  cp /source.git/shallow .git/shallow
  echo /source.git/objects >> .git/objects/info/alternates
  git -c core.hooksPath=/dev/null read-tree -m -u HEAD "$2"
  echo "$2" > .git/HEAD
fi
echo "$date" > "$3"
"""
QUIET_GIT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


def send(kind: bytes, name: str = "", body: bytes = b"", *, size: int | None = None) -> None:
    encoded = name.encode(errors="surrogateescape")[:4096]
    write(HEADER.pack(kind, len(encoded), len(body) if size is None else size) + encoded + body)


def write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(FRAMES, view) :]


def say(line: str) -> None:
    view = memoryview(f"{line}\n".encode())
    while view:
        view = view[os.write(1, view) :]


def bound(limits: dict[str, int]) -> None:
    """Limit this process and so all its children: no exception can be raised again without a capability."""
    for name, value in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        resource.setrlimit(number, (value, value) if hard == resource.RLIM_INFINITY else (min(value, hard),) * 2)
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123 - pathlib costs start time
            score.write("900")
    except OSError:
        pass


def shell(arguments: list[str], environment: dict[str, str]) -> int:
    """Run /bin/sh to its end; 128 + N stands for signal N."""
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-eu", *arguments],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
        setsigdef=[SIGPIPE, SIGXFSZ],
    )
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def open_way_out() -> None:
    """Listen on the jail's own loopback and hand the socket to the worker, who accepts on it outside."""
    import socket  # noqa: PLC0415 - it would double the start of every build, and few have a network

    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with door, socket.create_server(("127.0.0.1", PROXY_PORT), backlog=128) as listener:
        door.connect(DOOR)
        socket.send_fds(door, [b"L"], [listener.fileno()])


def proxy_environment() -> dict[str, str]:
    proxy = f"http://127.0.0.1:{PROXY_PORT}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "PIP_PROXY")
    own = "localhost,127.0.0.1,::1"
    return {**dict.fromkeys(names, proxy), "NO_PROXY": own, "no_proxy": own}


def check_out(commit: str) -> bool:
    if os.path.isdir(UNPACKED):  # noqa: PTH112 - pathlib costs start time
        shell(["-c", f"cp -a {UNPACKED}/. {TREE}"], QUIET_GIT)
    script = MOVE_ON if os.path.isdir(f"{TREE}/.git") else CHECK_OUT  # noqa: PTH112 - the same
    return shell(["-c", script, "sh", TREE, commit, EPOCH], QUIET_GIT) == 0


def build_environment(given: dict[str, str]) -> dict[str, str]:
    """The environment of the steps; dates are those of the commit, so that two builds can be compared."""
    environment = {
        "PATH": "/toolchain/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/build/home",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the jail's own
        "SOURCE_DATE_EPOCH": "315532800",  # 1980: zip files know no earlier date
    }
    own = sys.executable.rpartition("/")[0]
    if own not in environment["PATH"].split(":"):
        environment["PATH"] += f":{own}"
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    if os.path.isdir("/toolchain/lib"):  # noqa: PTH112 - pathlib costs start time
        environment["PYTHONPATH"] = "/toolchain/lib"
    if os.path.exists(EPOCH):  # noqa: PTH110 - pathlib costs start time
        with open(EPOCH, encoding="ascii") as epoch:  # noqa: PTH123 - pathlib costs start time
            environment["SOURCE_DATE_EPOCH"] = epoch.read().strip()
    if os.path.exists(DOOR):  # noqa: PTH110 - pathlib costs start time
        environment |= proxy_environment()
    return environment | given


def run_steps(names: list[str], environment: dict[str, str]) -> int:
    """Run the steps in order up to the first that fails; its exit code."""
    for number, name in enumerate(names):
        send(STEP_BEGUN, name)
        say(f"==> {name}")
        begun = time.monotonic()
        code = shell([f"{ROOM}/steps/{number}"], environment)
        seconds = time.monotonic() - begun
        say(f"<== {name}: exit code {code} after {seconds:.1f} s")
        send(STEP_ENDED, name, f"{code} {seconds:.3f}".encode())
        if code:
            return code
    return 0


def end_strays() -> None:
    """Whatever the steps left running may not touch the files while they are taken."""
    try:
        os.kill(-1, SIGKILL)
    except ProcessLookupError:
        return


def path_fits(pattern: list[str], parts: list[str]) -> bool:
    """`**` spans any number of directories."""
    return fits(pattern, parts, "**", lambda wanted, part: fits(wanted, part, "*", character_fits))


def character_fits(wanted: str, character: str) -> bool:
    return wanted in ("?", character)


def fits(pattern: Sequence[str], things: Sequence[str], any_run: str, same: Callable[[str, str], bool]) -> bool:
    """Match with wildcards in time of at most the product of both lengths: only the last wildcard is tried anew."""
    place = at = 0
    wildcard = resume = -1
    while at < len(things):
        if place < len(pattern) and pattern[place] == any_run:
            wildcard, resume, place = place, at, place + 1
        elif place < len(pattern) and same(pattern[place], things[at]):
            place, at = place + 1, at + 1
        elif wildcard >= 0:
            resume += 1
            place, at = wildcard + 1, resume
        else:
            return False
    return all(left == any_run for left in pattern[place:])


def matches(directory: int, above: str, wanted: list[list[str]]) -> Iterator[tuple[int, str, str]]:
    """Each match as (open directory, name in it, path in the tree), without following a link."""
    with os.scandir(directory) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_directory in names:
        path = above + name
        if is_directory:
            if path == ".git" or path.count("/") > DEEPEST:
                continue
            try:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            except OSError:
                continue
            try:
                yield from matches(below, path + "/", wanted)
            finally:
                os.close(below)
        elif any(path_fits(pattern, path.split("/")) for pattern in wanted):
            yield directory, name, path


def send_file(directory: int, entry: str, path: str) -> None:
    try:
        status = os.stat(entry, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return send(REFUSED, path, f"it is {kind_of(status.st_mode)}, not a plain file".encode())
        opened = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError as problem:
        return send(REFUSED, path, f"it cannot be read: {problem.strerror}".encode())
    with open(opened, "rb", buffering=0) as source:  # noqa: PTH123 - a descriptor has no path
        return send_content(path, source, os.fstat(source.fileno()).st_size)


def send_content(path: str, source: FileIO, size: int) -> None:
    if size > MOST_BYTES:
        return send(TOO_LARGE, path)
    send(FILE, path, size=size)
    while size:
        data = source.read(min(CHUNK, size))
        if not data:
            raise SystemExit(70)
        write(data)
        size -= len(data)
    return None


def kind_of(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def move_tree(place: str) -> None:
    """Put the tree where the steps are to find it: a mount cannot be moved, so it is copied."""
    os.makedirs(place.rpartition("/")[0], exist_ok=True)  # noqa: PTH103 - pathlib costs start time
    try:
        os.rename(TREE, place)  # noqa: PTH104 - the same
    except OSError:
        shell(["-c", f"cp -a {TREE} {place}"], QUIET_GIT)


def make_home(place: str) -> None:
    try:
        os.makedirs(place, exist_ok=True)  # noqa: PTH103 - pathlib costs start time
    except OSError:
        return  # a recipe may say that there is none


def send_artifacts(tree: str, patterns: list[str]) -> None:
    directory = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    wanted = [[part for part in pattern.split("/") if part not in {"", "."}] for pattern in patterns]
    for found in matches(directory, "", wanted):
        send_file(*found)


def main(job: dict[str, Any]) -> int:
    bound(job["rlimits"])
    os.nice(10)
    send(BEGUN)
    if os.path.exists(DOOR):  # noqa: PTH110 - pathlib costs start time
        open_way_out()
    if job["commit"] and not check_out(job["commit"]):
        send(NO_CHECKOUT)
        return 1
    if job["tree"] != TREE:
        move_tree(job["tree"])
    environment = build_environment(job["environment"])
    make_home(environment["HOME"])
    os.umask(job["umask"])
    os.chdir(job["tree"])
    code = run_steps(job["steps"], environment)
    end_strays()
    if code == 0 and job["patterns"]:
        send_artifacts(job["tree"], job["patterns"])
    send(FINISHED, "", str(code).encode())
    return 0


if __name__ == "__main__":
    FRAMES = int(sys.argv[1])
    os.set_inheritable(FRAMES, False)
    with open(f"{ROOM}/job", "rb") as description:  # noqa: PTH123 - pathlib costs start time
        JOB = marshal.load(description)  # noqa: S302 - the parent wrote it
    MOST_BYTES = JOB["most_bytes"]
    sys.exit(main(JOB))
