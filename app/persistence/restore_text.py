"""Writes RESTORE.txt: a backup must be restorable by somebody who has never heard of Holdfast."""

from __future__ import annotations

import re
import shlex

from app.domain.backup import STORAGE_FILES, CompressionMethod, Contents, Format, Manifest

RESTORE_NAME = "RESTORE.txt"

_MOST_LINES = 50

_UNPACK = {
    CompressionMethod.ZSTD: "zstd",
    CompressionMethod.GZIP: "gzip",
    CompressionMethod.BZIP2: "bzip2",
    CompressionMethod.LZ4: "lz4",
}


def restore_text(manifest: Manifest) -> str:
    """How to check and restore this backup with PostgreSQL's own tools, in plain words."""
    parts = {part.name: part.path for part in manifest.parts}
    sections = [_heading(manifest), _checking()]
    if "roles" in parts:
        sections.append(_roles(parts["roles"]))
    if "database" in parts:
        restore = _plain if manifest.format is Format.PLAIN else _archive
        sections.append(restore(manifest, parts["database"]))
    if STORAGE_FILES in parts:
        sections.append(_STORAGE)
    if "functions" in parts:
        sections.append(_FUNCTIONS)
    if manifest.left_out:
        sections.append(_left_out(manifest))
    return "\n".join(sections)


def _heading(manifest: Manifest) -> str:
    database = manifest.server.database
    return f"""\
Backup of the database {_shown(database)} (project {_shown(manifest.project)})
taken {manifest.started:%Y-%m-%d %H:%M:%S} UTC from PostgreSQL {manifest.server.version} by Holdfast \
{manifest.holdfast} with {manifest.tool}.

Holdfast is not needed to restore it. These commands are for a POSIX shell in this folder; HOST and
USER stand for your server and a superuser or owner there. Add --port=NUMBER where it is not 5432.
"""


def _checking() -> str:
    return """\
Check that every file is whole:

    sha256sum --check --quiet SHA256SUMS
"""


def _roles(path: str) -> str:
    return f"""\
Create the roles (those that exist already give an error each, which does no harm):

    psql -X --host=HOST --username=USER --dbname=postgres --file={_quoted(path)}
"""


def _archive(manifest: Manifest, path: str) -> str:
    database = _shown(manifest.server.database)
    # Data alone goes in one table after the other: in parallel, rows come before those that they refer to.
    jobs = "--jobs=1" if manifest.options.contents is Contents.DATA else f"--jobs={max(manifest.jobs, 2)}"
    connection = f"pg_restore --host=HOST --username=USER {jobs}"
    sections = [f"The tool must be pg_restore {_major(manifest)} or newer{_with_compression(manifest)}.\n"]
    if manifest.options.contents is Contents.DATA:
        sections.append(f"""\
The backup holds data alone. Load it into a database that has the same empty tables:

    {connection} --dbname=NEW_DATABASE --data-only {_quoted(path)}
""")
        return "\n".join(sections)
    sections.append(f"""\
Restore into a new database, here NEW_DATABASE:

    createdb --host=HOST --username=USER --template=template0 NEW_DATABASE
    {connection} --dbname=NEW_DATABASE {_quoted(path)}

Or let pg_restore create {database} with its own encoding and settings:

    {connection} --create --dbname=postgres {_quoted(path)}

List what the backup holds; --table, --schema and --use-list take a part of it:

    pg_restore --list {_quoted(path)}
""")
    return "\n".join(sections)


def _plain(manifest: Manifest, path: str) -> str:
    program = _UNPACK.get(_method(manifest))
    psql = "psql -X --set=ON_ERROR_STOP=1 --host=HOST --username=USER"
    creates = manifest.options.contents is not Contents.DATA
    database = "postgres" if creates else "NEW_DATABASE"
    feed = f"{program} -dc {_quoted(path)} | {psql} --dbname={database}"
    plain = f"{psql} --dbname={database} --file={_quoted(path)}"
    what = (
        f"The script creates the database {_shown(manifest.server.database)} if it says CREATE DATABASE; "
        "if not, put the name\nof an empty database in the place of “postgres”."
        if creates
        else "The backup holds data alone. Load it into a database that has the same empty tables."
    )
    return f"""\
{what}
The tool must be psql {_major(manifest)} or newer.

    {feed if program else plain}
"""


_STORAGE = """\
Storage files lie below storage/files under hashes, because names of objects may be what no file system
takes; storage/objects.jsonl says which is which. Copy them to a folder FILES under their own names:

    python3 -c '
import json, pathlib, shutil
for line in open("storage/objects.jsonl", encoding="utf-8"):
    one = json.loads(line)
    names = [name for name in (one["bucket"] + "/" + one["name"]).split("/") if name.strip(".")]
    if one.get("path"):
        target = pathlib.Path("FILES", *names)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one["path"], target)
    '
"""

_FUNCTIONS = """\
Edge functions lie below functions, each in a folder of its own: function.json says what it is, and body is
its code as Supabase gave it.
"""


def _left_out(manifest: Manifest) -> str:
    lines = "\n".join(f"- {_line(f'{left.part}: {left.what}')}" for left in manifest.left_out[:_MOST_LINES])
    more = len(manifest.left_out) - _MOST_LINES
    return f"""\
What the backup does not hold (manifest.json says why):

{lines}{f"{chr(10)}- and {more:,} more" if more > 0 else ""}
"""


def _line(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _method(manifest: Manifest) -> CompressionMethod:
    try:
        return CompressionMethod(manifest.compression.partition(":")[0])
    except ValueError:
        return CompressionMethod.NONE


def _with_compression(manifest: Manifest) -> str:
    method = _method(manifest)
    if method in (CompressionMethod.ZSTD, CompressionMethod.LZ4):
        return f", built with {method}"
    return ""


def _major(manifest: Manifest) -> str:
    found = re.search(r"\b\d+", manifest.tool)
    return found[0] if found else str(manifest.server.version_number // 10_000)


def _quoted(path: str) -> str:
    """A relative path as one word of the shell that no program takes for an option."""
    return _shell(f"./{path}" if path.startswith("-") else path)


def _shell(word: str) -> str:
    return shlex.quote(word)


def _shown(name: str) -> str:
    """A name on one line, whatever it holds."""
    return f"“{name}”" if name.isprintable() else ascii(name)
