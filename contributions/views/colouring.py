"""Source code in colours, for the lines that a page shows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.utils.html import escape
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygments.lexer import Lexer

# Languages whose lexers are known to be quick; any other text is shown without colours.
LEXERS = {
    "py": "python", "pyi": "python", "pyx": "cython", "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "hpp": "cpp",
    "go": "go", "rs": "rust", "java": "java", "js": "javascript", "mjs": "javascript", "ts": "typescript",
    "rb": "ruby", "pl": "perl", "sh": "bash", "bash": "bash", "json": "json", "yaml": "yaml", "yml": "yaml",
    "ini": "ini", "cfg": "ini", "conf": "ini", "toml": "toml", "html": "html", "xml": "xml", "css": "css",
    "sql": "sql", "tf": "terraform", "proto": "protobuf", "lua": "lua", "php": "php",
}  # fmt: skip
NAMES = {"makefile": "make", "dockerfile": "docker", "tox.ini": "ini"}
LONGEST_TEXT, LONGEST_LINE = 40_000, 500  # characters; above them colours cost more than they tell
CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"), (Keyword, "k"), (String, "s"), (Number, "m"),
    (Name.Function, "f"), (Name.Class, "f"), (Name.Decorator, "f"), (Name.Tag, "k"), (Name.Builtin, "b"),
)  # fmt: skip


def coloured(lines: Sequence[str], path: str) -> list[str]:
    """Return the HTML of each line; the same text without colours where there is no lexer for the path."""
    plain: list[str] = [escape(line) for line in lines]
    lexer = _lexer(path)
    if lexer is None or sum(map(len, lines)) > LONGEST_TEXT or any(len(line) > LONGEST_LINE for line in lines):
        return plain
    done = _spans(lexer, "\n".join(lines))
    return done if len(done) == len(plain) else plain


def _spans(lexer: Lexer, text: str) -> list[str]:
    lines = [""]
    for kind, value in lexer.get_tokens(text):
        name = _class(kind)
        first, *rest = (f'<span class="{name}">{escape(part)}</span>' if name and part else escape(part)
                        for part in value.split("\n"))  # fmt: skip
        lines[-1] += first
        lines.extend(rest)
    return lines


@cache
def _class(kind: _TokenType) -> str:
    return next((name for family, name in CLASSES if kind[: len(family)] == family), "")


def _lexer(path: str) -> Lexer | None:
    name = path.rpartition("/")[2].lower()
    alias = NAMES.get(name) or LEXERS.get(name.rpartition(".")[2])
    return _made(alias) if alias else None


@cache
def _made(alias: str) -> Lexer:
    return get_lexer_by_name(alias, stripnl=False, ensurenl=False)
