"""Says what a file that is no dump of PostgreSQL looks like, and what its owner can do with it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from app.domain.errors import AppError, ErrorCode
from app.postgres.script_charset import as_utf_8, charset_of
from app.postgres.script_signs import holds_only_comments, other_dialect, pg_dump_header

_READS = "Holdfast restores dumps of pg_dump and pg_dumpall, SQL scripts for PostgreSQL, and its own backups."
_UNPACK = "Unpack it, then use what was in it."
_DECRYPT = "Decrypt it with the program that encrypted it, then use the result."
_CONVERT = "pgloader moves such a database into PostgreSQL."
_LOAD = "Create a table for it and load it with psql's \\copy."
_DOWNLOAD = "Something sent this page in place of the file: download the dump again."
_INCOMPLETE = "Copy or download it again."
_PHYSICAL = (
    "These are a server's own files: only a PostgreSQL server of the same version can start on them. "
    "Start one there, then back it up with Holdfast."
)


@dataclass(frozen=True, slots=True)
class Look:
    """What something looks like (`a PDF`), and what to do with it."""

    what: str
    hint: str = _READS


_DIALECTS = {
    "mysql": Look("a MySQL or MariaDB dump", _CONVERT),
    "sqlite": Look("a dump of SQLite", _CONVERT),
    "mssql": Look("a script for Microsoft SQL Server", _READS),
    "oracle": Look("a script for Oracle Database", "ora2pg moves such a database into PostgreSQL."),
}
_MAGIC = (
    (b"SQLite format 3\0", Look("an SQLite database", _CONVERT)),
    (b"TAPE\0\0", Look("a backup of Microsoft SQL Server")),
    (b"\x6d\xe2\x99\x81", Look("a MongoDB dump (mongodump --archive)")),
    (b"\0\1\0\0Standard Jet DB", Look("a Microsoft Access database")),
    (b"\0\1\0\0Standard ACE DB", Look("a Microsoft Access database")),
    (b"PAR1", Look("a Parquet file", _READS)),
    (b"REDIS0", Look("a dump of Redis")),
    (b"PGCOPY\n\xff\r\n\0", Look("rows of a single table in PostgreSQL's binary COPY format", _LOAD)),
    (b"Salted__", Look("a file encrypted by openssl", _DECRYPT)),
    (b"age-encryption.org/", Look("a file encrypted by age", _DECRYPT)),
    (b"-----BEGIN AGE ENCRYPTED FILE", Look("a file encrypted by age", _DECRYPT)),
    (b"-----BEGIN PGP MESSAGE", Look("a file encrypted by GPG", _DECRYPT)),
    (b"-----BEGIN ", Look("a key or certificate")),
    (b"LUKS\xba\xbe", Look("an encrypted disk image", _DECRYPT)),
    (b"%PDF-", Look("a PDF")),
    (b"\x89PNG\r\n", Look("an image")),
    (b"\xff\xd8\xff", Look("an image")),
    (b"GIF8", Look("an image")),
    (b"II*\0", Look("an image")),
    (b"MM\0*", Look("an image")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Look("an old Microsoft Office file", _LOAD)),
    (b"7z\xbc\xaf\x27\x1c", Look("a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", Look("a RAR archive", _UNPACK)),
    (b"\x1f\x9d", Look("a file packed by compress", _UNPACK)),
    (b"LZIP\x01", Look("a file packed by lzip", _UNPACK)),
    (b"\x89LZO\0", Look("a file packed by lzop", _UNPACK)),
    (b"\x02\x21\x4c\x18", Look("a file in lz4's legacy format", _UNPACK)),
    (b"\xff\x06\0\0sNaPpY", Look("a file packed by Snappy", _UNPACK)),
    (b"]\0\0", Look("a file packed by lzma", _UNPACK)),
    (b"\x7fELF", Look("a program")),
    (b"MZ", Look("a program")),
    (
        b"bplist00",
        Look(
            "a placeholder of iCloud, whose file is not on this machine", "Let the Finder download it first."
        ),
    ),
    (
        b"version https://git-lfs",
        Look("a pointer of Git LFS, not the file itself", "Fetch the file with `git lfs pull`."),
    ),
)
_OFFICE = (
    ("xl/workbook.", Look("an Excel workbook", "Save the sheets as CSV. " + _LOAD)),
    ("word/document.", Look("a Word document")),
    ("content.xml", Look("an OpenDocument file", "Save its sheets as CSV. " + _LOAD)),
)
_GPG_STARTS = re.compile(
    rb"[\x84\x85](?:.|..)[\x03\x06]|\x8c.[\x04-\x06]|\xc1(?:[\x00-\xbf]|[\xc0-\xdf].)[\x03\x06]|\xc3.[\x04-\x06]|\xd2[\x00-\xff]{1,5}[\x01\x02]",
    re.DOTALL,
)
_HTML = re.compile(rb"\s*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<(?:\?xml\b|Error>)")
_JSON = re.compile(rb"\s*[\[{]\s*(?:[\"\[{\]}\d-]|true\b|false\b|null\b)")
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,200}?)\s*<", re.IGNORECASE)
_CODE = re.compile(rb"<Code>([^<]{1,100})</Code>")
_JSON_ERROR = re.compile(rb'"(?:error|message|msg|error_description)"\s*:\s*"([^"]{1,200})"')
_PSQL_TABLE = re.compile(rb"^-+(?:\+-+)+[ \t\r]*$|^\(\d+ rows?\)[ \t\r]*$", re.MULTILINE)
_SEPARATORS = (b",", b"\t", b";", b"|")
_ZIP_PLACEHOLDERS = 1 << 12


def not_a_dump(name: str, look: Look, member: str = "") -> AppError:
    """The error for a file or folder `name`, or for what is `member` in it."""
    return AppError(
        ErrorCode.UNKNOWN_FORMAT,
        f"{name} is not a PostgreSQL dump",
        detail=f"“{member}” in it looks like {look.what}" if member else f"It looks like {look.what}",
        hint=look.hint,
    )


def look_of(head: bytes) -> Look:
    """What a file that begins like this looks like, and that is no dump for certain."""
    if not head:
        return Look("an empty file", _INCOMPLETE)
    if not head.strip(b"\0"):
        return Look("a file of nothing but zeros, as an interrupted copy leaves it", _INCOMPLETE)
    for magic, look in _MAGIC:
        if head.startswith(magic):
            return look
    return _binary_look(head) or _text_look(as_utf_8(head, charset_of(head)))


def look_of_names(names: list[str]) -> Look | None:
    """What the names of the files in a zip give away."""
    return next((look for start, look in _OFFICE if any(name.startswith(start) for name in names)), None)


def look_of_folder(names: set[str]) -> Look | None:
    """What the names in a folder give away."""
    if "PG_VERSION" in names or "backup_label" in names:
        return Look("the data directory of a PostgreSQL server", _PHYSICAL)
    if "base.tar" in names or "base.tar.gz" in names or "backup_manifest" in names:
        return Look("a base backup of a PostgreSQL server", _PHYSICAL)
    if any(name.endswith((".bson", ".bson.gz")) for name in names):
        return Look("a MongoDB dump")
    if not names:
        return Look("an empty folder")
    return None


def look_of_tar(first: str) -> Look | None:
    """What the name of a tar archive's first file gives away."""
    if first.removeprefix("./") in ("backup_label", "tablespace_map", "PG_VERSION"):
        return Look("a base backup of a PostgreSQL server", _PHYSICAL)
    return None


def _binary_look(head: bytes) -> Look | None:
    if head[4:9] == b"\x07_id\0":
        return Look("a collection of a MongoDB dump")
    if head[4:8] == b"ftyp" or (head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"AVI ", b"WAVE")):
        return Look("an image, a film or a sound")
    if b"EXPORT:V" in head[:32] or b"SYS_EXPORT_" in head[:4096]:
        return Look("an Oracle dump", "ora2pg moves an Oracle database into PostgreSQL.")
    if len(head) >= 40 and head[1] in (0xD0, 0xD1) and struct.unpack_from("<I", head, 36)[0] == 8192:
        return Look("a WAL file of a PostgreSQL server", _PHYSICAL)
    if _GPG_STARTS.match(head) and b"\0" in head + b"\0":
        return Look("a file encrypted by GPG", _DECRYPT)
    return None


def _text_look(text: bytes) -> Look:
    if _HTML.match(text):
        return Look("an HTML page" + _quoted(_TITLE, text), _DOWNLOAD)
    if _XML.match(text):
        return Look("an XML error" + _quoted(_CODE, text), _DOWNLOAD) if b"<Error>" in text else Look("XML")
    if _JSON.match(text):
        said = _quoted(_JSON_ERROR, text) if len(text) < _ZIP_PLACEHOLDERS else ""
        return Look("a server's error in JSON" + said, _DOWNLOAD) if said else Look("JSON")
    if b"\0" in text:
        return Look("binary data of an unknown kind, perhaps encrypted or damaged")
    dialect = pg_dump_header(text) or other_dialect(text)
    if dialect in _DIALECTS:
        return _DIALECTS[dialect]
    if _PSQL_TABLE.search(text):
        return Look(
            "a table as psql prints it", "Dump the table with pg_dump, or write it with psql's \\copy."
        )
    if holds_only_comments(text):
        return Look("a script of nothing but comments")
    separator = _separator(text)
    if separator:
        return Look("TSV" if separator == b"\t" else "CSV", _LOAD)
    if sum(byte < 9 or 13 < byte < 32 for byte in text[:4096]) * 20 > len(text[:4096]):
        return Look("binary data of an unknown kind, perhaps encrypted or damaged")
    return Look("text without SQL in it")


def _separator(text: bytes) -> bytes:
    """What parts the columns, when each line has as many of them as the first; empty when none does."""
    lines = [line for line in text[: 1 << 14].splitlines()[:20] if line.strip()]
    if len(text) > 1 << 14:
        lines = lines[:-1]
    if len(lines) < 2:
        return b""
    return next(
        (
            separator
            for separator in _SEPARATORS
            if lines[0].count(separator) and len({line.count(separator) for line in lines}) == 1
        ),
        b"",
    )


def _quoted(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return f" (“{match[1].decode('utf-8', 'replace')}”)" if match else ""
