"""Which tests failed, told from logs as real test runners write them; a hostile log costs no more than a long one."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from contributions.failures import LONGEST_NAME, MOST_TESTS, failed_tests

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
import unittest

class Loud(unittest.TestCase):
    def test_one(self):
        assert False, "boom"
    def test_two(self):
        pass
    def test_three(self):
        raise OSError("gone")
    def test_four(self):
        for i in range(2):
            with self.subTest(i=i):
                self.assertEqual(i, 7)
"""


def log_of(folder: Path, *command: str) -> bytes:
    (folder / "test_loud.py").write_text(SUITE)
    env = {"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, check=False, env=env)
    assert ended.returncode
    return ended.stdout + ended.stderr


def test_pytest_is_read_without_its_summary(tmp_path: Path) -> None:
    """Its progress does not always name a test of which only subtests failed."""
    log = log_of(
        tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", "-v", "--no-summary", "."
    )
    assert {f"test_loud.py::Loud::test_{number}" for number in ("one", "three")} <= set(failed_tests(log))


@pytest.mark.parametrize("options", [[], ["-v"], ["-q", "--color=yes"]], ids=" ".join)
def test_pytest_is_read(tmp_path: Path, options: list[str]) -> None:
    log = log_of(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", *options, ".")
    names = [f"test_loud.py::Loud::test_{number}" for number in ("four", "one", "three")]
    assert sorted(failed_tests(log)) == names


@pytest.mark.parametrize("options", [[], ["-v"]], ids=" ".join)
def test_unittest_is_read(tmp_path: Path, options: list[str]) -> None:
    log = log_of(tmp_path, "-m", "unittest", *options, "test_loud")
    assert sorted(failed_tests(log)) == [f"test_loud.Loud.test_{number}" for number in ("four", "one", "three")]


def test_junits_report_is_read(tmp_path: Path) -> None:
    options = ("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", "--no-summary", "--junit-xml=r.xml")
    log_of(tmp_path, "-m", "pytest", *options, ".")
    report = (tmp_path / "r.xml").read_bytes()
    assert sorted(failed_tests(report)) == [f"test_loud.Loud.test_{number}" for number in ("four", "one", "three")]


@pytest.mark.parametrize(
    ("log", "names"),
    [
        ("{0} swift.test.unit.TestX.test_y [0.012s] ... FAILED\n", ["swift.test.unit.TestX.test_y"]),
        ("{0} swift.test.unit.TestX.test_y [0.012s] ... ok\n", []),
        ("======\nFAIL: swift.test.unit.TestX.test_y\n------\n", ["swift.test.unit.TestX.test_y"]),
        ("FAIL: test_y (swift.test.TestX)\nFAIL: test_y (swift.test.TestX) (i=3)\n", ["swift.test.TestX.test_y"]),
        ("ok 1 - a\nnot ok 2 - stops in time\nnot ok 3 - b # TODO later\nnot ok 4\n", ["stops in time", "test 4"]),
        (" 3/10 Test  #3: io_read .............***Failed    0.02 sec\n", ["io_read"]),
        ("10/10 Test #10: slow ...***Timeout  9.00 sec\n 1/10 Test #1: io ... Passed 0.1 sec\n", ["slow"]),
        ("--- FAIL: TestGreet (0.00s)\n    --- FAIL: TestGreet/loud (0.00s)\n--- PASS: TestX (0.1s)\n",
         ["TestGreet", "TestGreet/loud"]),
        ("test song::loud ... FAILED\ntest song::quiet ... ok\n", ["song::loud"]),
        ("\x1b[31mFAILED\x1b[0m tests/a.py::test_x[1-\x1b[1mb] - boom\n", ["tests/a.py::test_x[1-b]"]),
        ("FAILED\nERROR: could not find the library\nThis FAILED badly, see a.log\n", []),
        ('<testcase classname="a.B" name="c &lt;1&gt;"><failure message="x"/></testcase>', ["a.B.c <1>"]),
        ('<testcase name="d"/><error message="none of a case"/>', []),
    ],
)  # fmt: skip
def test_other_runners_are_read(log: str, names: list[str]) -> None:
    assert failed_tests(log.encode()) == names


def test_only_so_many_names_of_such_a_length_are_kept() -> None:
    log = "".join(f"not ok {n} - {'x' * 280}{n}\x07\n" for n in range(MOST_TESTS + 50)).encode()
    names = failed_tests(log)
    assert len(names) == MOST_TESTS
    assert all(len(name) <= LONGEST_NAME and "\x07" not in name for name in names)


@pytest.mark.parametrize(
    "line",
    [
        *("not ok " * 300, "FAILED " + "a" * 1990, "FAIL: " + "a." * 900 + "(", "<testcase " * 200),
        *("ERROR: x (" * 150, "." * 1900 + "***", "a::" * 600 + " FAILED"),
    ],
    ids=lambda line: line[:12],
)  # fmt: skip
def test_a_hostile_log_costs_no_more_than_a_long_one(line: str) -> None:
    log = (line + "\n").encode() * (4 * 2**20 // (len(line) + 1))
    begun = time.process_time()
    failed_tests(log)
    assert time.process_time() - begun < 10
