"""What a dump holds is told without a server, and what is wrong with it."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import Severity
from app.engine.restore.contents import SourceContents
from app.engine.restore.first_rows import first_rows
from app.engine.restore.sources import inspect_sources
from app.postgres.archive import read_archive, write_custom
from app.postgres.dump_files import DumpForm
from app.postgres.sandbox import SandboxServer
from app.postgres.script_trio import TrioRole
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Look = Callable[..., list[SourceContents | AppError]]
Dump = Callable[..., Path]

SHOP_ROWS = 3601
FORMS = {
    "-Fc": DumpForm.CUSTOM,
    "-Fd": DumpForm.DIRECTORY,
    "-Ft": DumpForm.TAR,
    "-Fp": DumpForm.PLAIN,
}
ROLES = "CREATE ROLE app_user;\nGRANT app_user TO postgres;\n"
SCHEMA = 'CREATE TABLE "public"."t" ("i" integer);\nALTER TABLE "public"."t" OWNER TO "postgres";\n'
DATA = 'SET session_replication_role = replica;\nCOPY "public"."t" ("i") FROM stdin;\n1\n2\n\\.\n'


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """`look(path, …)` gives what was found at each."""

    def inspect(*paths: Path, database: str = "") -> list[SourceContents | AppError]:
        workspace = tmp_path / f"workspace {len(list(tmp_path.iterdir()))}"
        workspace.mkdir()
        found = inspect_sources(paths, workspace, CancelToken(), database=database)
        return [one.found for one in found]

    return inspect


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    """`dump(database, "-Fc")` gives the path of a dump."""

    def make(database: Database, *options: str, program: str = "pg_dump") -> Path:
        path = tmp_path / f"dump {len(list(tmp_path.iterdir()))}"
        server = database.server
        finished = run(
            [server.installation.program(program), "--dbname", database.conninfo, "--file", path, *options],
            env=server.environment(),
            timeout=60,
        )
        assert finished.status == 0, finished.errors
        return path

    return make


def only(found: list[SourceContents | AppError]) -> SourceContents:
    assert len(found) == 1
    assert isinstance(found[0], SourceContents), found[0]
    return found[0]


@pytest.mark.parametrize("option", FORMS)
def test_every_form_of_every_version_is_told(
    each_server: SandboxServer, new_shop: NewDatabase, dump: Dump, look: Look, tmp_path: Path, option: str
) -> None:
    database = new_shop(each_server)
    path = dump(database, option)
    contents = only(look(path))
    assert contents.form is FORMS[option]
    assert contents.packing == "none"
    assert contents.is_complete
    assert contents.server_version.startswith(str(each_server.installation.version))
    assert contents.dump_version.startswith(str(each_server.installation.version))
    assert contents.encoding == "UTF8"
    assert contents.large_objects == 3
    assert contents.objects["TABLE"] == 7
    assert contents.database == ("" if contents.form is DumpForm.PLAIN else database.name)
    assert contents.size >= 10_000
    names = {(table.schema, table.name) for table in contents.tables}
    assert {("public", "customers"), ("public", "parts_low"), ("crm", "no_columns")} <= names
    customers = next(table for table in contents.tables if table.name == "customers")
    if contents.form is DumpForm.PLAIN:
        assert sum(table.rows or 0 for table in contents.tables) == SHOP_ROWS
    assert (customers.rows == 500) == (contents.form is DumpForm.PLAIN)
    length = len("".join(f"{n}\tZoë {n}\tA\\tB\\\\C\\n\n" for n in range(1, 501)).encode())
    if contents.compression in ("", "none"):
        assert customers.bytes == length
    else:
        assert customers.stored is not None
        assert 0 < customers.stored < length
    if path.is_file():
        packed = tmp_path / "packed"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        again = only(look(packed))
        assert again.packing == "gzip"
        assert again.objects == contents.objects


def test_stored_bytes_of_a_custom_archive_add_up(
    server17: SandboxServer, new_shop: NewDatabase, dump: Dump, look: Look, tmp_path: Path
) -> None:
    path = dump(new_shop(server17), "-Fc", "--no-large-objects")
    archive = read_archive(path)
    contents = only(look(path))
    stored = sum(table.stored or 0 for table in contents.tables)
    assert stored == path.stat().st_size - archive.data_start
    piped = tmp_path / "piped"
    write_custom(archive, [replace(entry, data_offset=None) for entry in archive.entries], piped)
    assert only(look(piped)).tables == contents.tables


@pytest.mark.parametrize("option", ["-Fc", "-Ft", "-Fp"])
@pytest.mark.parametrize("kept", [0.6, 0.95])
def test_what_is_cut_off_says_so(
    server17: SandboxServer, new_shop: NewDatabase, dump: Dump, look: Look, option: str, kept: float
) -> None:
    path = dump(new_shop(server17), option)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    found = look(path)[0]
    if isinstance(found, AppError):
        assert found.code is ErrorCode.ARCHIVE_DAMAGED
    else:
        assert not found.is_complete
        assert found.findings[0].severity is Severity.BLOCKS
        assert "cut" in found.findings[0].title


def test_a_missing_file_of_a_directory_is_named(
    server17: SandboxServer, new_shop: NewDatabase, dump: Dump, look: Look
) -> None:
    path = dump(new_shop(server17), "-Fd")
    next(file for file in path.iterdir() if file.name[0].isdigit()).unlink()
    contents = only(look(path))
    assert not contents.is_complete
    assert "missing" in contents.findings[0].detail


def test_extensions_and_roles_that_are_expected_are_named(sample_files: Path, look: Look) -> None:
    for name in ("shop.dump", "shop.sql"):
        contents = only(look(sample_files / name))
        assert {"citext", "pgcrypto"} <= set(contents.extensions)
        assert {"anon", "authenticated", "service_role", "shop manager"} <= set(contents.roles)
        assert not any(role.startswith("pg_") for role in contents.roles)
        assert contents.large_objects == 5
        assert {schema.name for schema in contents.tree()} >= {"auth", "shop internal"}


def test_scripts_that_belong_together_are_one(tmp_path: Path, look: Look) -> None:
    paths = []
    for name, text in (("c.sql", DATA), ("a.sql", ROLES), ("b.sql", SCHEMA)):
        paths.append(tmp_path / name)
        paths[-1].write_text(text)
    contents = only(look(*paths))
    assert contents.trio == (TrioRole.ROLES, TrioRole.SCHEMA, TrioRole.DATA)
    assert [dump.name for dump in contents.source.dumps] == ["a.sql", "b.sql", "c.sql"]
    assert [(table.name, table.rows) for table in contents.tables] == [("t", 2)]
    assert contents.roles == ("postgres",)
    both = zipped(tmp_path / "both.zip", {"x.sql": DATA, "y.sql": SCHEMA})
    assert only(look(both)).trio == (TrioRole.SCHEMA, TrioRole.DATA)
    other = tmp_path / "other.sql"
    other.write_text(DATA.replace('"t"', '"u"'))
    assert [one.trio for one in look(paths[2], other) if isinstance(one, SourceContents)] == [(), ()]


def zipped(path: Path, members: dict[str, str]) -> Path:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    path.write_bytes(content.getvalue())
    return path


def test_databases_of_a_whole_server_are_listed_and_one_can_be_chosen(tmp_path: Path, look: Look) -> None:
    path = tmp_path / "all.sql"
    parts = [f"\\connect {name}\nCREATE TABLE {name}_t (a int);\n" for name in ("one", "two")]
    path.write_text("CREATE ROLE r;\n" + "".join(parts) + "\\connect three\n")
    contents = only(look(path))
    assert contents.databases == ("one", "two", "three")
    assert contents.empty_databases == {"three"}
    assert contents.objects == {"ROLE": 1}
    chosen = only(look(path, database="two"))
    assert chosen.database == "two"
    assert chosen.objects == {"TABLE": 1}
    assert isinstance(look(path, database="four")[0], AppError)


def test_dangers_are_named_with_their_lines(tmp_path: Path, look: Look) -> None:
    path = tmp_path / "a.sql"
    path.write_text("CREATE TABLE t (a int);\n\\! reboot\nCOPY t FROM PROGRAM 'id';\n")
    contents = only(look(path))
    assert [danger.line for danger in contents.dangers] == [2, 3]
    assert any("line 3" in finding.detail for finding in contents.findings)


def test_a_bad_source_does_not_stop_the_others(tmp_path: Path, look: Look) -> None:
    photo, script = tmp_path / "photo.jpg", tmp_path / "a.sql"
    photo.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    script.write_text(SCHEMA)
    found = look(photo, script, tmp_path / "nothing")
    assert isinstance(found[1], SourceContents)
    codes = [one.code for one in found if isinstance(one, AppError)]
    assert codes == [ErrorCode.UNKNOWN_FORMAT, ErrorCode.INVALID_INPUT]


def test_unnamed_latin1_is_told(tmp_path: Path, look: Look) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes("CREATE TABLE café (a int); -- déjà\n".encode("latin-1"))
    assert only(look(path)).encoding == "LATIN1"


@pytest.mark.parametrize("option", ["-Fc", "-Ft", "-Fp"])
def test_damaged_dumps_are_told_or_give_a_clear_error(
    server17: SandboxServer, new_shop: NewDatabase, dump: Dump, look: Look, tmp_path: Path, option: str
) -> None:
    content = dump(new_shop(server17), option).read_bytes()
    chance = random.Random(option)
    for number in range(60):
        damaged = bytearray(content[: chance.randrange(len(content))] if number % 3 == 0 else content)
        for _ in range(chance.choice((0, 1, 5, 50)) if damaged else 0):
            limit = len(damaged) if number % 2 else min(len(damaged), 20_000)
            damaged[chance.randrange(limit)] = chance.randrange(256)
        path = tmp_path / f"damaged {number}"
        path.write_bytes(damaged)
        (found,) = look(path)
        if isinstance(found, SourceContents):
            found.tree()
        workspace = tmp_path / f"rows {number}"
        workspace.mkdir()
        with suppress(AppError):
            list(first_rows([path], "customers", workspace, CancelToken()))
