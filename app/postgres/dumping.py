"""Runs pg_dump and pg_dumpall; what they write is read back elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.domain.backup import BackupOptions, Compression, CompressionMethod, Contents, Format
from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Connection
from app.postgres.failures import dump_failure
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import Child, run

_ROLES_TIMEOUT = 300.0
_SCHEMA_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class Dump:
    """One run of pg_dump, decided in every detail.

    Attributes:
        tool: the installation whose pg_dump runs.
        connection: the server.
        options: what the user asked for.
        compression: what pg_dump compresses with; plain SQL is compressed by Holdfast.
        jobs: parallel workers, for the directory format.
        snapshot: id of the exported snapshot.
        target: the folder or file that pg_dump creates; plain SQL goes to its standard output.
        application: application_name of all its sessions, by which the server's progress is found.
        lock_timeout: seconds that it waits for a lock.
    """

    tool: Installation
    connection: Connection
    options: BackupOptions
    compression: Compression
    jobs: int
    snapshot: str
    target: Path
    application: str
    lock_timeout: float


def dump_arguments(dump: Dump) -> list[str]:
    """The command line; nothing secret is in it."""
    options = dump.options
    arguments = [
        str(dump.tool.program("pg_dump")),
        f"--dbname={dump.connection.to(application_name=dump.application).conninfo}",
        f"--format={options.format}",
        f"--snapshot={dump.snapshot}",
        f"--lock-wait-timeout={int(dump.lock_timeout * 1000)}",
        "--no-password",
    ]
    if options.format is Format.PLAIN:
        arguments.append("--create")
    else:
        arguments += [f"--file={dump.target}", "--no-sync", f"--compress={_compress(dump)}"]
    if options.format is Format.DIRECTORY:
        arguments.append(f"--jobs={dump.jobs}")
    if options.contents is not Contents.ALL:
        arguments.append(f"--{options.contents}-only")
    arguments += [f"--schema={pattern}" for pattern in options.schemas]
    arguments += [f"--table={pattern}" for pattern in options.tables]
    arguments += [f"--exclude-table={pattern}" for pattern in options.excluded_tables]
    return arguments


def _compress(dump: Dump) -> str:
    """`--compress` as this pg_dump takes it: before 16 it knows gzip levels only."""
    compression = dump.compression
    if dump.tool.version.major >= 16:
        return str(compression)
    if compression.method is CompressionMethod.NONE:
        return "0"
    return str(compression.level or 6)


def start_dump(dump: Dump) -> Child:
    """Start pg_dump; plain SQL is read from the child's `stdout`."""
    plain = dump.options.format is Format.PLAIN
    return Child(
        dump_arguments(dump),
        env=dump.connection.environment(),
        stdout=Child.PIPE if plain else Child.NULL,
    )


def failure_of_dump(child: Child, dump: Dump) -> AppError:
    """What made a pg_dump that ended with another status than 0 fail."""
    return dump_failure("pg_dump", child.errors(), child.wait(), dump.connection.describe())


def dump_roles(
    tool: Installation,
    connection: Connection,
    database: str,
    target: Path,
    *,
    passwords: bool,
    cancel: CancelToken,
) -> None:
    """Write the cluster's roles to `target`; `passwords` needs a superuser.

    Raises:
        AppError: with pg_dumpall's reason.
    """
    arguments = [
        str(tool.program("pg_dumpall")),
        "--roles-only",
        f"--dbname={connection.conninfo}",
        f"--database={database}",
        f"--file={target}",
        "--no-password",
        "--no-sync",
    ]
    if not passwords:
        arguments.append("--no-role-passwords")
    finished = run(arguments, env=connection.environment(), timeout=_ROLES_TIMEOUT, cancel=cancel)
    if finished.status != 0:
        raise dump_failure("pg_dumpall", finished.errors, finished.status, connection.describe())


def dump_schema(
    tool: Installation, connection: Connection, target: Path, format_: Format, *, cancel: CancelToken
) -> None:
    """Write the definitions alone, as a custom archive or as plain SQL.

    Raises:
        AppError: with pg_dump's reason.
    """
    arguments = [
        str(tool.program("pg_dump")),
        f"--dbname={connection.conninfo}",
        "--no-password",
        "--no-sync",
    ]
    arguments += ["--schema-only", f"--format={format_}", f"--file={target}"]
    finished = run(arguments, env=connection.environment(), timeout=_SCHEMA_TIMEOUT, cancel=cancel)
    if finished.status != 0:
        raise dump_failure("pg_dump", finished.errors, finished.status, connection.describe())


def check_compression(options: BackupOptions, tool: Installation) -> Compression:
    """The compression to write: what was asked for, or the best that the tool has.

    Raises:
        AppError: INVALID_INPUT when the format or the tool cannot do what was asked for.
    """
    if options.format is Format.PLAIN:
        return options.compression or Compression(CompressionMethod.ZSTD, 3)
    if options.compression is None:
        if CompressionMethod.ZSTD in tool.compression:
            return Compression(CompressionMethod.ZSTD, 3)
        return Compression(CompressionMethod.GZIP)
    method = options.compression.method
    if method is CompressionMethod.NONE or method in tool.compression:
        return options.compression
    if method is CompressionMethod.BZIP2:
        hint = "bzip2 is for --format plain; take zstd, gzip, lz4 or none here."
    else:
        known = ", ".join(sorted(tool.compression)) or "none"
        hint = f"pg_dump {tool.version} in {tool.folder} knows {known}."
    raise AppError(ErrorCode.INVALID_INPUT, f"pg_dump cannot compress with {method}", hint=hint)
