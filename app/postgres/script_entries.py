"""Puts statements and rows of a script together to entries, as an archive's table of contents has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_entry import VIA_ROOT, Entry
from app.postgres.cluster_script import PlacedItem
from app.postgres.copy_stream import CopyDigest, StreamDigest
from app.postgres.insert_rows import count_rows
from app.postgres.script import CopyBlock, Inserts, Statement, parse_copy_statement
from app.postgres.statement_subject import OTHER

MOST_ENTRIES = 250_000
"""Objects that a script may hold."""
_LONGEST_DEFINITION = 64 * 1024
_ALL_DEFINITIONS = 48 * 1024 * 1024


@dataclass(slots=True)
class Draft:
    """An entry on its way."""

    dump_id: int
    kind: str
    schema: str
    tag: str
    owner: str
    database: str
    definition: list[str] = field(default_factory=list)
    size: int = 0
    copy_statement: str = ""
    rows: int | None = None
    bytes: int = 0
    sha256: str = ""

    def entry(self) -> Entry:
        """The entry, as far as it was read."""
        has_data = self.kind == "TABLE DATA"
        return Entry(
            dump_id=self.dump_id,
            catalog_oid=0,
            oid=0,
            tag=self.tag,
            kind=self.kind,
            section="",
            definition="\n".join(self.definition),
            drop="",
            copy_statement=self.copy_statement,
            schema=self.schema,
            tablespace="",
            access_method="",
            relkind="",
            owner=self.owner,
            dependencies=(),
            has_data=has_data,
        )

    @property
    def stream(self) -> StreamDigest | None:
        """Its rows and bytes, where they can be told; INSERTs have no hash."""
        if self.kind != "TABLE DATA" or self.rows is None:
            return None
        return StreamDigest(self.rows, self.bytes, self.sha256)


class Drafts:
    """The entries of a script so far.

    Attributes:
        owners: those that pg_dump's comments name, by database.
    """

    def __init__(self) -> None:
        self.owners: dict[str, set[str]] = {}
        self._drafts: dict[int, Draft] = {}
        self._size = 0

    def of(self, databases: Collection[str]) -> Iterator[Draft]:
        """Those of some databases, in the script's order."""
        return (draft for draft in self._drafts.values() if draft.database in databases)

    def take(self, placed: PlacedItem, item: Statement | CopyBlock) -> None:
        """Take a statement that belongs to an object, or rows.

        Raises:
            AppError: UNKNOWN_FORMAT when there are too many objects.
        """
        draft = self._drafts.get(placed.dump_id) or self._new_draft(placed)
        if isinstance(item, CopyBlock):
            _take_copy(draft, item, placed)
        elif placed.subject.kind == "TABLE DATA":
            _take_insert(draft, item)
        else:
            self._take_definition(draft, item.text, placed)

    def _new_draft(self, placed: PlacedItem) -> Draft:
        if len(self._drafts) >= MOST_ENTRIES:
            raise AppError(
                ErrorCode.UNKNOWN_FORMAT,
                "The SQL script holds too many objects",
                detail=f"More than {MOST_ENTRIES:,} objects by line {placed.item.line}.",
                hint="Cut it into parts, or make an archive with “pg_dump --format=custom” instead.",
            )
        subject, header = placed.subject, placed.header
        if header:
            codec = placed.codec
            draft = Draft(
                placed.dump_id,
                header.kind,
                _recoded(header.schema, codec),
                _recoded(header.name, codec),
                _recoded(header.owner, codec),
                placed.database,
            )
            if draft.owner:
                self.owners.setdefault(placed.database, set()).add(draft.owner)
        else:
            draft = Draft(
                placed.dump_id, subject.kind, subject.schema, subject.tag, subject.owner, placed.database
            )
        self._drafts[placed.dump_id] = draft
        return draft

    def _take_definition(self, draft: Draft, text: bytes, placed: PlacedItem) -> None:
        if placed.subject.owner and not placed.subject.creates:
            draft.owner = placed.subject.owner
            return
        if draft.kind == "BLOBS" or (draft.kind == OTHER and draft.definition):
            return
        size = min(len(text), _LONGEST_DEFINITION - draft.size, _ALL_DEFINITIONS - self._size)
        if size <= 0:
            return
        draft.definition.append(text[:size].decode(placed.codec, "surrogateescape"))
        draft.size += size
        self._size += size


def _take_copy(draft: Draft, item: CopyBlock, placed: PlacedItem) -> None:
    statement = item.statement.decode(placed.codec, "surrogateescape")
    digest = CopyDigest()
    for data in item.data:
        digest.feed(data)
    found = digest.finish(end_marker=False)
    first = not draft.bytes and draft.rows is None and not draft.copy_statement
    draft.copy_statement = draft.copy_statement or statement
    try:
        target = parse_copy_statement(statement)
    except ValueError:
        is_plain = False
    else:
        is_plain = True
        schema, tag = target.schema or draft.schema, target.name
        if (draft.schema, draft.tag) == (_on_one_line(schema), _on_one_line(tag)):
            draft.schema, draft.tag = schema, tag
        elif placed.header:
            draft.definition = [VIA_ROOT]
    if first:
        draft.rows, draft.sha256 = (found.rows, found.sha256) if is_plain else (None, "")
    else:
        draft.rows = None if draft.rows is None or not is_plain else draft.rows + found.rows
        draft.sha256 = ""
    draft.bytes += found.bytes


def _take_insert(draft: Draft, item: Statement) -> None:
    is_first = not draft.bytes
    rows: int | None
    if isinstance(item, Inserts):
        size, rows = item.size, item.rows
    else:
        size, rows = len(item.text), count_rows(item.text, standard_strings=item.standard_strings)
    draft.bytes += size
    if is_first or draft.rows is not None:
        draft.rows = None if rows is None else rows + (draft.rows or 0)


def _recoded(text: str | None, codec: str) -> str:
    """A name of a header, which the reader takes for UTF-8."""
    return (text or "").encode("utf-8", "surrogateescape").decode(codec, "surrogateescape")


def _on_one_line(name: str) -> str:
    return name.replace("\n", " ").replace("\r", " ")
