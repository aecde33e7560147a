"""The first rows of a table are found in every form of dump, without reading on."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.engine.restore import first_rows as module
from app.engine.restore.first_rows import TableRows, first_rows
from app.postgres.archive import read_archive, write_custom
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

FORMS = {"custom": "-Fc", "directory": "-Fd", "tar": "-Ft", "plain": "-Fp"}


def rows_of(
    paths: Path | list[Path], table: str, tmp_path: Path, limit: int = 2, database: str = ""
) -> TableRows:
    workspace = tmp_path / f"work {len(list(tmp_path.iterdir()))}"
    workspace.mkdir()
    sources = paths if isinstance(paths, list) else [paths]
    found = list(first_rows(sources, table, workspace, CancelToken(), limit=limit, database=database))
    assert len(found) == 1
    assert isinstance(found[0].found, TableRows), found[0].found
    return found[0].found


def refusal(paths: list[Path], table: str, tmp_path: Path) -> AppError:
    workspace = tmp_path / f"work {len(list(tmp_path.iterdir()))}"
    workspace.mkdir()
    with pytest.raises(AppError) as raised:
        list(first_rows(paths, table, workspace, CancelToken()))
    return raised.value


def test_they_are_found_in_every_form(
    each_server: SandboxServer, new_shop: NewDatabase, tmp_path: Path
) -> None:
    database = new_shop(each_server)
    wanted = TableRows(
        "public",
        "customers",
        ("id", "name", "city"),
        (("1", "Zoë 1", "A\tB\\C\n"), ("2", "Zoë 2", "A\tB\\C\n")),
        has_more=True,
    )
    for form, option in FORMS.items():
        path = database.dumped(tmp_path / form, option)
        assert rows_of(path, "public.customers", tmp_path) == wanted
        if path.is_file():
            packed = tmp_path / f"{form}.gz"
            packed.write_bytes(gzip.compress(path.read_bytes()))
            assert rows_of(packed, '"customers"', tmp_path) == wanted
        assert rows_of(path, "crm.empty", tmp_path).rows == ()
        assert rows_of(path, "crm.no_columns", tmp_path).rows == ((),)
        assert not rows_of(path, "parts_low", tmp_path, limit=50).has_more


@pytest.mark.parametrize("form", FORMS)
def test_inserts_are_shown_as_they_stand(
    server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path, form: str
) -> None:
    path = new_shop(server17).dumped(tmp_path / form, FORMS[form], "--inserts")
    found = rows_of(path, "crm.no_columns", tmp_path)
    assert found.lines == ("INSERT INTO crm.no_columns DEFAULT VALUES;",)
    found = rows_of(path, "parts_high", tmp_path)
    assert found.lines[1] == "INSERT INTO public.parts_high VALUES (51, 'p');"
    assert len(found.lines) == 2
    assert found.has_more
    assert rows_of(path, "public.customers", tmp_path, 1).lines[0].startswith("INSERT INTO public.customers")


def test_an_archive_that_was_written_to_a_pipe_is_walked_through(
    server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path
) -> None:
    archive = read_archive(new_shop(server17).dumped(tmp_path / "seekable", "-Fc"))
    path = tmp_path / "piped"
    write_custom(archive, [replace(entry, data_offset=None) for entry in archive.entries], path)
    assert rows_of(path, "orders", tmp_path).columns == ("id", "customer", "total")


def test_a_script_is_read_up_to_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sql"
    path.write_text("SELECT 1;\n")

    def blocks(*_: object) -> Iterator[bytes]:
        yield b"COPY t (a, b) FROM stdin;\n1\t\\N\n2\tx\n3\ty\n"
        raise AssertionError("read on")

    monkeypatch.setattr(module, "script_blocks", blocks)
    assert rows_of(path, "t", tmp_path).rows == (("1", None), ("2", "x"))


def test_names_are_those_of_sql_and_near_ones_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_text(
        'CREATE TABLE s."Big Table" (a int);\nCREATE TABLE public.bare (a int);\n'
        'COPY s."Big Table" (a) FROM stdin;\n7\n\\.\n'
    )
    assert rows_of(path, 's."Big Table"', tmp_path).rows == (("7",),)
    assert rows_of(path, '"Big Table"', tmp_path).schema == "s"
    for wanted, hint in (("s.big_table", 's."Big Table"'), ("bar", "public.bare")):
        error = refusal([path], wanted, tmp_path)
        assert error.code is ErrorCode.INVALID_INPUT
        assert hint in error.hint
    assert "definition alone" in refusal([path], "bare", tmp_path).detail
    assert "double quotes" in refusal([path], "a b", tmp_path).hint


def test_of_several_files_those_with_the_table_answer(tmp_path: Path) -> None:
    schema, data, broken = (tmp_path / name for name in ("schema.sql", "data.sql", "photo.sql"))
    schema.write_text("CREATE TABLE t (a int);\n")
    data.write_text("COPY t (a) FROM stdin;\n1\n\\.\n")
    broken.write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    assert rows_of([schema, data], "t", tmp_path).rows == (("1",),)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    found = list(first_rows([broken, data], "t", workspace, CancelToken()))
    assert [type(one.found) for one in found] == [AppError, TableRows]


def test_a_database_of_a_whole_server_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "all.sql"
    text = "\\connect {name}\nCOPY t (a) FROM stdin;\n{name}\n\\.\n"
    path.write_text("".join(text.format(name=name) for name in ("one", "two")))
    assert rows_of(path, "t", tmp_path).rows == (("one",),)
    assert rows_of(path, "t", tmp_path, database="two").rows == (("two",),)


def test_rows_of_csv_are_shown_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_text("COPY t (a, b) FROM stdin WITH (FORMAT csv);\n1,x\n2,y\n3,z\n\\.\n")
    assert rows_of(path, "t", tmp_path).lines == ("1,x", "2,y")
