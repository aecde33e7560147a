"""Installations are found once each, their abilities are true, and the pick follows the release calendar."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres import toolchain
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import (
    Installation,
    Version,
    examine,
    find_installations,
    pick_dump_tool,
    pick_restore_tool,
    pick_sandbox,
)
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

NONE, GZIP, ZSTD, LZ4, BZIP2 = (
    CompressionMethod.NONE,
    CompressionMethod.GZIP,
    CompressionMethod.ZSTD,
    CompressionMethod.LZ4,
    CompressionMethod.BZIP2,
)


def made_up(
    version: str,
    *,
    origin: str = "made up",
    compression: frozenset[CompressionMethod] = frozenset({NONE, GZIP, ZSTD, LZ4}),
    has_tls: bool = True,
    has_server: bool = True,
    problem: str = "",
) -> Installation:
    folder = Path("/opt", origin, version, "bin")
    return Installation(folder, origin, Version.parse(version), compression, has_tls, has_server, problem)


CELERP = made_up("17.10", origin="celerp")
EMBEDDED = made_up("18.6", origin="embedded", compression=frozenset({NONE, GZIP}), has_tls=False)
DEBIAN = made_up("15.20", origin="Debian", compression=frozenset({NONE, GZIP}))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Version(15, 18)),
        ("pg_dump (PostgreSQL) 17.10\n", Version(17, 10)),
        ("pg_dump (PostgreSQL) 18beta1", Version(18, 0)),
        ("pg_dump (PostgreSQL) 18rc1", Version(18, 0)),
        ("pg_dump (PostgreSQL) 19devel", Version(19, 0)),
        ("pg_dump (PostgreSQL) 9.6.24", Version(9, 6)),
        ("18.6", Version(18, 6)),
    ],
)
def test_versions_are_read_as_programs_print_them(text: str, version: Version) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "pg_dump", "command not found"])
def test_text_without_a_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no PostgreSQL version"):
        Version.parse(text)


@given(st.text())
def test_any_text_gives_a_version_or_a_value_error(text: str) -> None:
    try:
        Version.parse(text)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("number", "version"), [(150020, Version(15, 20)), (180000, Version(18, 0)), (90624, Version(9, 6))]
)
def test_the_servers_version_number_is_read(number: int, version: Version) -> None:
    assert Version.from_number(number) == version


@pytest.mark.parametrize(
    "joint_release",
    [
        ["18.6", "17.12", "16.16", "15.20"],
        ["18.4", "17.10", "16.14", "15.18", "14.23"],
        ["18.1", "17.7", "16.11", "15.15", "14.20", "13.23"],
        ["17.2", "16.6", "15.10", "14.15", "13.18", "12.22"],
    ],
)
def test_joint_releases_share_a_wave(joint_release: list[str]) -> None:
    assert len({Version.parse(text).release_wave for text in joint_release}) == 1


def test_a_major_of_the_future_is_newer_than_all_known_ones() -> None:
    assert Version(19, 0).release_wave > Version(18, 99).release_wave > Version(11, 22).release_wave


@pytest.mark.parametrize(
    ("server", "needs_tls", "picked", "warned"),
    [
        ("17.10", False, CELERP, False),
        ("17.9", True, CELERP, False),
        ("17.12", False, EMBEDDED, False),  # 18.6 is of the same day as 17.12; 17.10 is older
        ("17.12", True, CELERP, True),
        ("18.6", False, EMBEDDED, False),
        ("18.7", False, EMBEDDED, True),
        ("15.20", True, DEBIAN, False),
        ("15.21", False, DEBIAN, True),  # released with 18.6, later than 17.10, and of the server's major
        ("16.14", True, CELERP, False),
        ("16.14", False, EMBEDDED, False),
        ("9.6.24", True, DEBIAN, False),
    ],
)
def test_the_tool_for_a_dump(server: str, needs_tls: bool, picked: Installation, warned: bool) -> None:
    choice = pick_dump_tool([CELERP, EMBEDDED, DEBIAN], Version.parse(server), needs_tls=needs_tls)
    assert choice.installation == picked
    assert bool(choice.warnings) == warned


_installations = st.builds(
    made_up,
    st.builds("{}.{}".format, st.integers(12, 20), st.integers(0, 25)),
    has_tls=st.booleans(),
    problem=st.sampled_from(["", "", "", "broken"]),
)


@given(
    st.lists(_installations, max_size=6),
    st.builds(Version, st.integers(9, 20), st.integers(0, 25)),
    st.booleans(),
)
def test_the_rules_of_picking_hold_whatever_is_installed(
    found: list[Installation], server: Version, needs_tls: bool
) -> None:
    usable = [
        one
        for one in found
        if not one.problem and one.version.major >= server.major and (one.has_tls or not needs_tls)
    ]
    if not usable:
        with pytest.raises(AppError) as caught:
            pick_dump_tool(found, server, needs_tls=needs_tls)
        assert caught.value.hint
        return
    choice = pick_dump_tool(found, server, needs_tls=needs_tls)
    picked = choice.installation.version
    assert choice.installation in usable
    exact = [one.version for one in usable if one.version.major == server.major and one.version >= server]
    if exact:
        assert picked == max(exact)
        assert not choice.warnings
    else:
        assert picked.release_wave == max(one.version.release_wave for one in usable)
        assert bool(choice.warnings) == (picked.release_wave < server.release_wave)


def test_of_two_with_the_same_version_the_one_that_compresses_better_is_picked() -> None:
    plain = made_up("17.10", origin="plain", compression=frozenset({NONE, GZIP}))
    for order in ([plain, CELERP], [CELERP, plain]):
        assert pick_dump_tool(order, Version(17, 10), needs_tls=False).installation is CELERP


def test_a_server_newer_than_every_tool_is_named_with_what_was_found() -> None:
    with pytest.raises(AppError) as caught:
        pick_dump_tool([CELERP, EMBEDDED], Version(19, 1), needs_tls=False)
    assert caught.value.code is ErrorCode.SERVER_TOO_NEW
    assert "19.1" in caught.value.title
    assert "17.10" in caught.value.detail
    assert "18.6" in caught.value.detail
    assert "19" in caught.value.hint


def test_a_hosted_server_that_only_tools_without_tls_could_read_says_so() -> None:
    with pytest.raises(AppError) as caught:
        pick_dump_tool([CELERP, EMBEDDED], Version(18, 6), needs_tls=True)
    assert caught.value.code is ErrorCode.TOOL_MISSING
    assert "TLS" in caught.value.title


def test_no_working_tool_at_all_names_what_is_wrong_with_each() -> None:
    with pytest.raises(AppError) as caught:
        pick_dump_tool([made_up("17.1", problem="psql missing")], Version(17, 1), needs_tls=False)
    assert caught.value.code is ErrorCode.TOOL_MISSING
    assert "psql missing" in caught.value.detail


@pytest.mark.parametrize(
    ("archive_tool", "compression", "server", "picked"),
    [
        ("17.10", ZSTD, "17.10", CELERP),
        ("17.10", ZSTD, "18.6", CELERP),  # 18.6 here was built without zstd
        ("17.10", GZIP, "18.6", EMBEDDED),
        ("15.20", GZIP, "15.20", DEBIAN),
        ("15.20", GZIP, "17.10", CELERP),
        ("15.20", BZIP2, "16.1", EMBEDDED),  # Holdfast itself reads bzip2, around plain files
    ],
)
def test_the_tool_for_a_restore(
    archive_tool: str, compression: CompressionMethod, server: str, picked: Installation
) -> None:
    found = [CELERP, EMBEDDED, DEBIAN]
    assert pick_restore_tool(found, Version.parse(archive_tool), compression, Version.parse(server)) == picked


def test_an_archive_that_no_pg_restore_here_reads_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        pick_restore_tool([DEBIAN], Version(17, 10), ZSTD, Version(15, 20))
    assert caught.value.code is ErrorCode.TOOL_MISSING
    assert "15.20" in caught.value.detail


@pytest.mark.parametrize(
    ("server", "archive_tool", "picked"),
    [
        ("15.20", "15.20", DEBIAN),
        ("15.20", "17.10", CELERP),  # what pg_dump 17 writes need not load into 15
        ("16.1", "17.10", CELERP),
        ("18.6", "18.6", EMBEDDED),
        ("16.1", "16.1", CELERP),
    ],
)
def test_the_server_for_a_proof(server: str, archive_tool: str, picked: Installation) -> None:
    found = [CELERP, EMBEDDED, DEBIAN, made_up("18.9", has_server=False)]
    assert pick_sandbox(found, Version.parse(server), Version.parse(archive_tool)) == picked


def test_a_proof_without_a_server_new_enough_is_refused() -> None:
    with pytest.raises(AppError) as caught:
        pick_sandbox([DEBIAN, made_up("18.6", has_server=False)], Version(15, 20), Version(18, 6))
    assert caught.value.code is ErrorCode.SANDBOX_FAILED
    assert "15.20" in caught.value.detail


def test_the_bundled_tools_are_found_with_their_true_abilities(
    installations: tuple[Installation, ...],
) -> None:
    bundled = {one.version.major: one for one in installations if one.origin == "bundled"}
    assert not [one.problem for one in bundled.values() if one.problem]
    assert all(one.has_server for one in bundled.values())
    assert bundled[17].compression == {NONE, GZIP, ZSTD, LZ4}
    assert bundled[17].has_tls
    assert bundled[18].compression == {NONE, GZIP}
    assert not bundled[18].has_tls


def test_what_an_installation_says_it_compresses_it_compresses(
    installations: tuple[Installation, ...], each_server: SandboxServer, tmp_path: Path
) -> None:
    tool = next(one for one in installations if one.version.major == each_server.installation.version.major)
    for method in tool.compression - {NONE}:
        archive = tmp_path / method
        value = method if tool.version.major >= 16 else "6"
        pg_dump: list[str | Path] = [tool.program("pg_dump"), "-Fc", f"--compress={value}"]
        pg_dump += ["-f", archive, "-d", each_server.conninfo()]
        assert run(pg_dump, env=each_server.environment(), timeout=60).status == 0
        listing = run([tool.program("pg_restore"), "--list", archive], env={}, timeout=60)
        assert method in listing.output or tool.version.major < 16


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")
def test_each_folder_is_listed_once_and_debians_wrapper_never(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installations: tuple[Installation, ...]
) -> None:
    wrapper = tmp_path / "pg_wrapper"
    wrapper.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.0'\n")
    wrapper.chmod(0o755)
    wrapped, linked = tmp_path / "wrapped", tmp_path / "linked"
    wrapped.mkdir()
    (wrapped / "pg_dump").symlink_to(wrapper)
    linked.symlink_to(installations[0].folder)
    path = os.pathsep.join([str(wrapped), str(linked), str(linked), "relative", os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    assert [one.folder for one in find_installations()] == [one.folder for one in installations]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX scripts")
@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exec sleep 60", "no answer"),
        ("echo 'libpq.so.5: cannot open shared object file' >&2; exit 127", "cannot open shared object file"),
        ("echo hello", "no PostgreSQL version"),
        ("kill -9 $$", "does not run"),
        (None, "pg_dump missing"),
    ],
)
def test_a_broken_installation_is_listed_with_its_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, problem: str
) -> None:
    monkeypatch.setattr(toolchain, "_TIME_LIMIT", 0.3)
    for name in ("pg_dump", "pg_restore", "pg_dumpall", "psql"):
        if name != "pg_dump" or script is not None:
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
    found = examine(tmp_path, "made up")
    assert problem in found.problem
    with pytest.raises(AppError):
        pick_dump_tool([found], Version(9, 6), needs_tls=False)


def test_the_tool_picked_for_debians_server_keeps_pg_attver_out_of_the_dump(
    server15: SandboxServer, installations: tuple[Installation, ...], new_database: NewDatabase
) -> None:
    database = new_database(server15)
    database.sql("CREATE TABLE t (a int, b text); ALTER TABLE t ALTER COLUMN a SET (n_distinct = 5)")
    [(stored,)] = database.sql(
        "SELECT string_agg(attoptions::text, '') FROM pg_attribute WHERE attrelid = 't'::regclass"
    )
    [(number,)] = database.sql("SELECT current_setting('server_version_num')::int")
    choice = pick_dump_tool(installations, Version.from_number(number), needs_tls=True)

    def dump(tool: Installation) -> str:
        command: list[str | Path] = [tool.program("pg_dump"), "-d", database.conninfo]
        return run(command, env=server15.environment(), timeout=60).output

    assert "SET (n_distinct=5)" in dump(choice.installation)
    if "pg_attver" in stored:
        unaware = next(one for one in installations if one.version == Version(17, 10))
        assert "pg_attver=" in dump(unaware)
