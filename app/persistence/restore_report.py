"""Keeps the report of a restore as a row of the catalog."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.domain.restore import RestoreReport
from app.persistence.catalog_file import readable_rows

Row = tuple[str, str, str]


def row_of_report(report: RestoreReport) -> Row:
    """Its id, when it began, and all of it as JSON; texts of SQL_ASCII databases included."""
    text = msgspec.json.encode(msgspec.to_builtins(report, str_keys=True)).decode()
    return report.id, report.started.isoformat(), text


def decode_report(text: str) -> RestoreReport | None:
    """Read it back; None for one of another Holdfast that has other fields."""
    try:
        return msgspec.json.decode(text, type=RestoreReport)
    except msgspec.MsgspecError:
        return None


def readable_reports(path: Path) -> list[Row]:
    """The rows that can still be read of a damaged catalog."""
    rows = readable_rows(path, "SELECT id, started, report FROM restore")
    return [
        (identity, started, report)
        for identity, started, report in rows
        if isinstance(identity, str) and isinstance(started, str) and isinstance(report, str)
    ]
