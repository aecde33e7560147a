"""A script's text arrives at the server as it was meant."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.postgres.dump_files import DumpFile, DumpForm, identify, script_blocks
from app.postgres.script_charset import Charset, likely_encoding, script_text

TEXT = "CREATE TABLE größe (a text);\r\nINSERT INTO größe VALUES ('Zoë, 東京, 😀');\r\n"
LATIN = "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('Zoë');\n"


def read(tmp_path: Path, content: bytes) -> tuple[DumpFile, bytes]:
    path = tmp_path / "x"
    path.write_bytes(content)
    dump = identify(path)
    return dump, b"".join(script_blocks(dump))


@pytest.mark.parametrize(
    ("mark", "charset"),
    [
        (b"", Charset.UTF_8),
        (codecs.BOM_UTF8, Charset.UTF_8),
        (codecs.BOM_UTF16_LE, Charset.UTF_16_LE),
        (codecs.BOM_UTF16_BE, Charset.UTF_16_BE),
        (b"", Charset.UTF_16_LE),
        (b"", Charset.UTF_16_BE),
    ],
)
@pytest.mark.parametrize("times", [1, 20_000])
def test_unicode_arrives_as_utf_8_without_a_mark(
    tmp_path: Path, mark: bytes, charset: Charset, times: int
) -> None:
    dump, script = read(tmp_path, mark + (TEXT * times).encode(charset))
    assert (dump.charset, dump.form) == (charset, DumpForm.PLAIN)
    assert script == (TEXT * times).encode()


def test_utf_16_becomes_what_the_script_says_it_is(tmp_path: Path) -> None:
    text = "SET client_encoding = 'LATIN1';\n" + LATIN
    _, script = read(tmp_path, text.encode("utf-16"))
    assert script == text.encode("latin-1")


def test_bytes_of_a_script_that_names_its_encoding_are_left_alone(tmp_path: Path) -> None:
    content = b"SET client_encoding = 'LATIN1';\n" + LATIN.encode("latin-1")
    dump, script = read(tmp_path, content)
    assert (dump.charset, script) == (Charset.UTF_8, content)


@pytest.mark.parametrize(
    ("text", "charset"),
    [(LATIN, Charset.LATIN_1), (LATIN.replace("ë", "“x” €"), Charset.WINDOWS_1252)],
)
def test_a_script_that_is_neither_utf_8_nor_says_what_it_is_is_guessed(
    tmp_path: Path, text: str, charset: Charset
) -> None:
    dump, script = read(tmp_path, text.encode(charset))
    assert (dump.charset, script) == (charset, text.encode(charset))


def test_the_likely_encoding_has_postgresqls_name() -> None:
    assert likely_encoding("ë".encode()) == likely_encoding(b"ascii") == "UTF8"
    assert likely_encoding("ë.".encode("latin-1")) == "LATIN1"
    assert likely_encoding("€.".encode("cp1252")) == "WIN1252"


def test_utf_16_that_ends_in_half_a_character_is_damaged(tmp_path: Path) -> None:
    for rest in (b"\0", b"\x3d\xd8"):
        with pytest.raises(AppError) as failure:
            read(tmp_path, TEXT.encode("utf-16") + rest)
        assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


def test_what_the_named_encoding_cannot_hold_is_damage_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(AppError) as failure:
        read(tmp_path, ("SET client_encoding = 'LATIN1';\n" + TEXT).encode("utf-16"))
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    charset=st.sampled_from([Charset.UTF_16_LE, Charset.UTF_16_BE, Charset.UTF_8]),
    size=st.integers(1, 9),
)
def test_any_text_survives_in_any_pieces(text: str, charset: Charset, size: int) -> None:
    mark = "\ufeff".encode(charset)
    content = mark + text.encode(charset)
    blocks = (content[start : start + size] for start in range(0, len(content), size))
    expected = text.encode()
    if charset is not Charset.UTF_8 and "client_encoding" in text.lower():
        return
    assert b"".join(script_text(blocks, charset, "x")) == expected
