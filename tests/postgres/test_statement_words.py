"""How strings with escapes are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.postgres.statement_words import Kind, Token, Words, tokens


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"'a\n''b'", r"a\n'b"),
        (r"E'a\n\\''\'b'", "a\n\\''b"),
        (r"e'\x43\103\u0043\U00000043\q'", "CCCCq"),
        (r"E'\ud83d\xff'", "\ufffdÿ"),
        (r"U&'\0043\+000043\\'", "CC\\"),
        (r"U&'\d83d'", "\ufffd"),
    ],
)
def test_escapes_are_read_as_the_server_reads_them(written: str, text: str) -> None:
    assert list(tokens(written.encode())) == [Token(Kind.STRING, text)]


def test_backslashes_of_plain_strings_are_escapes_where_the_script_says_so() -> None:
    assert list(tokens(rb"'\\n'", standard_strings=False)) == [Token(Kind.STRING, "\\n")]


def test_long_strings_come_without_their_text_where_it_is_not_wanted() -> None:
    statement = b"f('" + b"x" * 300 + b"', 'y', $$" + b"z" * 300 + b"$$)"

    texts = [one.text for one in tokens(statement, reads_strings=False) if one.kind is not Kind.SIGN]

    assert texts == ["f", "", "y", "z" * 255]


def test_names_are_cut_and_lists_have_an_end() -> None:
    words = Words(b'"' + b"x" * 300 + b'"(' + b"a," * 20_000 + b"b) c")

    assert words.name() == ("", "x" * 255)
    assert len(words.parentheses()) < 20_000
    assert words.next() == Token(Kind.WORD, "c")


@given(st.binary(max_size=80), st.booleans(), st.booleans())
def test_any_bytes_give_tokens_that_can_be_written_again(
    statement: bytes, standard: bool, reads: bool
) -> None:
    for token in tokens(statement, standard_strings=standard, reads_strings=reads):
        token.text.encode("utf-8", "surrogateescape")
