"""Compares two backups of one project: which tables came, went, grew, shrank or were changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.backup import Manifest, TableRecord


class Change(StrEnum):
    """What became of a table's rows; growth and shrinkage go by rows, and among equals by bytes."""

    ADDED = "added"
    REMOVED = "removed"
    GROWN = "grown"
    SHRUNK = "shrunk"
    CHANGED = "changed"
    """As many rows and bytes, but not the same ones."""
    SAME = "same"


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table in two backups; rows and bytes of its data stream, None where it was not there."""

    schema: str
    name: str
    change: Change
    rows_before: int | None
    rows: int | None
    bytes_before: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class BackupChanges:
    """What changed between two backups.

    Attributes:
        tables: those of both, in the order of the later one; those that went come last.
        is_comparable: False when the two were not made with the same selection, so that tables which
            went may only have been left out.
    """

    tables: tuple[TableChange, ...]
    is_comparable: bool

    def with_change(self, *changes: Change) -> tuple[TableChange, ...]:
        """The tables of which this is true."""
        return tuple(table for table in self.tables if table.change in changes)


def compare_backups(before: Manifest, after: Manifest) -> BackupChanges:
    """What changed from one backup to a later one."""
    old = {(table.schema, table.name): table for table in before.tables}
    tables = [_change(old.pop((table.schema, table.name), None), table) for table in after.tables]
    tables += [_change(table, None) for table in old.values()]
    return BackupChanges(tuple(tables), _selection(before) == _selection(after))


def _change(before: TableRecord | None, after: TableRecord | None) -> TableChange:
    one = after or before
    if one is None:
        raise ValueError("a table of neither backup")
    return TableChange(
        schema=one.schema,
        name=one.name,
        change=_kind(before, after),
        rows_before=before.rows if before else None,
        rows=after.rows if after else None,
        bytes_before=before.bytes if before else None,
        bytes=after.bytes if after else None,
    )


def _kind(before: TableRecord | None, after: TableRecord | None) -> Change:
    if before is None or after is None:
        return Change.ADDED if before is None else Change.REMOVED
    old, new = (before.rows, before.bytes), (after.rows, after.bytes)
    if old != new:
        return Change.GROWN if new > old else Change.SHRUNK
    return Change.SAME if before.sha256 == after.sha256 else Change.CHANGED


def _selection(manifest: Manifest) -> tuple[object, ...]:
    options = manifest.options
    return options.contents, options.schemas, options.tables, options.excluded_tables
