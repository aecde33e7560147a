"""Takes one SQL statement apart into words, so that neither comments nor quotes nor escapes hide any.

The source is PostgreSQL's src/backend/parser/scan.l, as far as it matters to names and key words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from app.postgres.sql_lexer import COMMENT_EDGE, DOLLAR_TAG, ESCAPED, WORD


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    """A key word or a name without quotes; in lower case."""
    NAME = "name"
    """A name in double quotes, without them."""
    STRING = "string"
    """A string constant, without its quotes."""
    BODY = "body"
    """A dollar-quoted string, without its quotes."""
    SIGN = "sign"
    """A single other character, or a number."""
    END = "end"


class Token(NamedTuple):
    """One token of a statement."""

    kind: Kind
    text: str


_END = Token(Kind.END, "")
_LONGEST_NAME = 255  # PostgreSQL keeps 63 bytes
_MOST_ARGUMENTS = 10_000
_ESCAPE_STRING = (
    rb"[eE]'" + ESCAPED.pattern + rb"'(?:(?:[ \t\f\v]|--[^\r\n]*)*[\r\n](?:\s|--[^\r\n]*[\r\n])*'"
    rb"" + ESCAPED.pattern + rb"')*"
)
_TOKENS = {
    standard: re.compile(
        rb"(?P<gap>\s+|--[^\r\n]*)"
        rb"|(?P<comment>/\*)"
        rb"|(?P<string>(?:[uU]&|[bBxXnN])?'" + plain + rb"'|" + _ESCAPE_STRING + rb")"
        rb'|(?P<name>(?:[uU]&)?"(?:[^"]|"")*+")'
        rb"|(?P<word>" + WORD.pattern + rb")"
        rb"|(?P<body>" + DOLLAR_TAG.pattern + rb")"
        rb"|(?P<sign>\d+|.)",
        re.DOTALL,
    )
    for standard, plain in ((True, rb"[^']*+(?:''[^']*+)*+"), (False, ESCAPED.pattern))
}
_ESCAPE = re.compile(
    r"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL
)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"\\(?:\\|\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))")


def tokens(
    statement: bytes, codec: str = "utf-8", *, standard_strings: bool = True, reads_strings: bool = True
) -> Iterator[Token]:
    """The tokens of a statement without white space and comments.

    Args:
        statement: as `read_script` gives it.
        codec: Python's, of names and strings; bytes that do not fit become surrogates.
        standard_strings: whether backslashes in plain quotes are nothing special.
        reads_strings: whether long strings are wanted, too; otherwise these come without their text.
    """
    match = _TOKENS[standard_strings].match
    at = 0
    while found := match(statement, at):
        start, at = found.span()
        kind = found.lastgroup
        if kind == "string" and not reads_strings and at - start > _LONGEST_NAME:
            yield Token(Kind.STRING, "")
            continue
        raw = found[0]
        match kind:
            case "gap":
                continue
            case "comment":
                at = _past_comment(statement, start)
            case "word":
                yield Token(Kind.WORD, raw.lower().decode(codec, "surrogateescape")[:_LONGEST_NAME])
            case "sign":
                yield Token(Kind.SIGN, raw.decode("latin-1"))
            case "name":
                yield Token(Kind.NAME, _unescaped(raw, '"', codec)[:_LONGEST_NAME])
            case "string":
                has_escapes = raw[:1] in b"eE" or (raw[:1] == b"'" and not standard_strings)
                yield Token(
                    Kind.STRING, _with_escapes(raw, codec) if has_escapes else _unescaped(raw, "'", codec)
                )
            case _:
                end = statement.find(raw, at)
                end = len(statement) if end < 0 else end
                last = end if reads_strings else min(end, at + _LONGEST_NAME)
                yield Token(Kind.BODY, statement[at:last].decode(codec, "surrogateescape"))
                at = end + len(raw)


def _past_comment(statement: bytes, at: int) -> int:
    depth = 0
    while edge := COMMENT_EDGE.search(statement, at):
        at = edge.end()
        depth += 1 if edge[0] == b"/*" else -1
        if not depth:
            return at
    return len(statement)


def _unescaped(raw: bytes, quote: str, codec: str) -> str:
    """What stands in the quotes; Unicode escapes are read with their usual sign."""
    text = raw.decode(codec, "surrogateescape")
    inner = text[text.index(quote) + 1 : -1].replace(quote * 2, quote)
    if text[0] not in "uU" or "\\" not in inner:
        return inner
    return _UNICODE.sub(lambda match: _character(match[1] or match[2] or "5c"), inner)


def _with_escapes(raw: bytes, codec: str) -> str:
    """What stands in the quotes of a string in which backslashes are escapes."""
    text = raw.decode(codec, "surrogateescape")
    inner = text[text.index("'") + 1 : -1]

    def character(match: re.Match[str]) -> str:
        octal, *others, plain = match.groups()
        if octal:
            return chr(int(octal, 8) & 0xFF)
        if plain:
            return _CONTROLS.get(plain, plain)
        return _character("".join(filter(None, others)) or "27")

    return _ESCAPE.sub(character, inner)


def _character(number: str) -> str:
    code = int(number, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


class Words:
    """Reads a statement from its first word on; what is taken is gone."""

    __slots__ = ("_ahead", "_tokens")

    def __init__(self, statement: bytes, codec: str = "utf-8", *, standard_strings: bool = True) -> None:
        self._tokens = tokens(statement, codec, standard_strings=standard_strings)
        self._ahead: list[Token] = []

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one further ahead."""
        while len(self._ahead) <= ahead:
            self._ahead.append(next(self._tokens, _END))
        return self._ahead[ahead]

    def next(self) -> Token:
        """Take the next token; END at the end, as often as one asks."""
        token = self.peek()
        if token is not _END:
            del self._ahead[0]
        return token

    def take(self, *words: str) -> bool:
        """Take these key words or signs if they stand here, all or none."""
        for number, word in enumerate(words):
            token = self.peek(number)
            if token.text != word or token.kind not in (Kind.WORD, Kind.SIGN):
                return False
        del self._ahead[: len(words)]
        return True

    def one_of(self, *words: str) -> str:
        """Take one of these key words if it stands here; empty otherwise."""
        token = self.peek()
        if token.kind is Kind.WORD and token.text in words:
            return self.next().text
        return ""

    def name(self) -> tuple[str, str]:
        """Take a name, and give its schema (or empty) and itself; empty where none stands here."""
        parts: list[str] = []
        while self.peek().kind in (Kind.WORD, Kind.NAME):
            parts.append(self.next().text)
            if not self.take("."):
                break
        return (".".join(parts[:-1]), parts[-1]) if parts else ("", "")

    def skip_to(self, *words: str) -> str:
        """Go on to one of these key words outside of parentheses and take it; empty at the end."""
        depth = 0
        while (token := self.next()) is not _END:
            if token.kind is Kind.SIGN:
                depth += (token.text == "(") - (token.text == ")")
            elif not depth and token.kind is Kind.WORD and token.text in words:
                return token.text
        return ""

    def parentheses(self) -> str:
        """Take what stands in parentheses here, as text on one line with them; empty where none open."""
        if self.peek() != (Kind.SIGN, "("):
            return ""
        depth, parts = 0, list[str]()
        while (token := self.next()) is not _END:
            depth += (token == (Kind.SIGN, "(")) - (token == (Kind.SIGN, ")"))
            glue = "" if not parts or parts[-1] in "(.[" or token.text in "(),.[]" else " "
            if len(parts) < _MOST_ARGUMENTS:
                parts.append(glue + token.text)
            if not depth:
                break
        return "".join(parts)

    def __iter__(self) -> Iterator[Token]:
        while (token := self.next()) is not _END:
            yield token
