"""Which tests failed, read from the log of a build: pytest, unittest and stestr, TAP, ctest, go, cargo and JUnit's XML.

A log is a stranger's: each line is looked at up to a length, each pattern is linear, and only so many names are kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TESTS = 500
LONGEST_NAME = 300
LONGEST_LINE = 2000
READ = 2 << 20  # bytes of a log, from its beginning and from its end
MOST_ELEMENTS = 100_000  # of an XML report

COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
LINES = (
    # pytest's short summary, and its progress with -v: FAILED tests/a.py::test_x - boom
    re.compile(r"(?:FAILED|ERROR|SUBFAILED[(\[].{0,200}[)\]]) (?P<name>[^\s:]{1,200}(?:::\S{1,300}|\.py))(?: - .*)?"),
    re.compile(r"(?P<name>[^\s:]{1,200}::\S{1,300})(?: [(\[].{0,200}[)\]])? (?:SUBFAILED|FAILED|ERROR)\b.*"),
    # unittest: FAIL: test_x (package.module.Class) [(i=1)]; stestr and testtools: FAIL: package.module.Class.test_x
    re.compile(r"(?:FAIL|ERROR): (?P<method>\w{1,200}) \((?P<where>[\w.]{1,300})\).{0,300}"),
    re.compile(r"(?:FAIL|ERROR): (?P<name>[\w.-]{1,300}(?:\([^)]{0,200}\))?)"),
    re.compile(r"(?P<method>\w{1,200}) \((?P<where>[\w.]{1,300})\) \.\.\. (?:FAIL|ERROR)"),
    re.compile(r"(?:\{\d{1,4}\} )?(?P<name>[\w.-]{1,300}) \[[\d.]{1,20}s\] \.\.\. FAILED"),
    # ctest: 3/9 Test #3: name .....***Failed  0.1 sec
    re.compile(r"\s{0,20}\d{1,7}/\d{1,7} Test +#\d{1,7}: (?P<name>\S{1,300}) \.{0,200} ?\*\*\*.*"),
    # go: --- FAIL: TestX/part (0.00s); cargo: test path::name ... FAILED
    re.compile(r"\s{0,40}--- FAIL: (?P<name>\S{1,300}) \([\d.]{1,20}s\)"),
    re.compile(r"test (?P<name>\S{1,300}) \.\.\. FAILED"),
)
TAP = re.compile(
    r"\s{0,40}not ok\b ?(?P<number>\d{0,9})(?: -)? ?(?P<name>\S.{0,300}?)?(?P<directive> # ?(?:TODO|SKIP)\b.*)?",
    re.IGNORECASE,
)
ELEMENT = re.compile(r"<(?P<kind>testcase|failure|error)\b(?P<given>[^<>]{0,1500})>")
GIVEN = re.compile(r"\b(?P<key>classname|name)=\"(?P<value>[^\"]{0,400})\"")
ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


def failed_tests(log: bytes) -> list[str]:
    """The names of the tests that failed, each once, in the order of the log; the first MOST_TESTS of them."""
    names: dict[str, None] = {}
    read = log if len(log) <= 2 * READ else log[:READ] + b"\n" + log[-READ:]
    text = read.decode("utf-8", "replace")
    for name in _all(text):
        names.setdefault(name)
        if len(names) == MOST_TESTS:
            break
    return list(names)


def _all(text: str) -> Iterator[str]:
    for line in text.splitlines():
        found = _of_line(COLOURS.sub("", line[:LONGEST_LINE]).rstrip())
        if found:
            yield _shown(found)
    if "<testcase" in text:
        yield from map(_shown, _of_report(text))


def _of_line(line: str) -> str:
    if "not ok" in line[:60]:
        found = TAP.fullmatch(line)
        return "" if found is None or found["directive"] else found["name"] or f"test {found['number']}"
    if not any(word in line for word in ("FAIL", "ERROR", "***")):
        return ""
    return next((_name(found) for pattern in LINES if (found := pattern.fullmatch(line))), "")


def _name(found: re.Match[str]) -> str:
    """Unittest says the method first, and since Python 3.11 once more at the end of where it is."""
    told = found.groupdict()
    if "method" not in told:
        return told["name"]
    where, method = told["where"], told["method"]
    return where if where.endswith(f".{method}") else f"{where}.{method}"


def _of_report(text: str) -> Iterator[str]:
    """JUnit's XML, on however many lines: a test case fails if a failure or an error follows before the next one."""
    case = ""
    for number, found in enumerate(ELEMENT.finditer(text)):
        if number > MOST_ELEMENTS:
            return
        if found["kind"] == "testcase":
            given = {each["key"]: each["value"] for each in GIVEN.finditer(found["given"])}
            case = ".".join(_unescaped(given[key]) for key in ("classname", "name") if given.get(key))
            case = "" if found["given"].endswith("/") else case
        elif case:
            yield case
            case = ""


def _unescaped(value: str) -> str:
    for entity, letter in ENTITIES.items():
        value = value.replace(entity, letter)
    return value


def _shown(name: str) -> str:
    return UNSEEN.sub(" ", name)[:LONGEST_NAME].strip()
