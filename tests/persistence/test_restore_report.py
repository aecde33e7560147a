from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.domain.restore import (
    Action,
    PlannedObject,
    RestoreFailure,
    RestoreMode,
    RestoreReport,
    RestoreResult,
    RowCheck,
)
from app.persistence.catalog import Catalog
from app.persistence.catalog_entry import OLD_COLUMNS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = RestoreReport(
    id="20260301T120000Z-a1b2c3",
    source="a backup of Shop",
    target="shop@localhost/shop",
    mode=RestoreMode.NEW_DATABASE,
    started=NOON,
    finished=NOON + timedelta(seconds=9.5),
    result=RestoreResult.INCOMPLETE,
    objects=41,
    skipped=(PlannedObject("ACL", 'TABLE "ü".t', Action.SKIP, "the role bob is not there"),),
    rows=(RowCheck("public", "t", 3, 2),),
    failures=(RestoreFailure("VIEW", "v", "CREATE VIEW v", "no such table", "create it"),),
    left="All that did not fail is restored and stays.",
)


def test_a_report_comes_back_as_it_was_and_the_newest_first(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.sqlite3") as catalog:
        catalog.record_restore(REPORT)
        later = replace(REPORT, id="20260302T120000Z-d4e5f6", started=NOON + timedelta(days=1))
        catalog.record_restore(later)
        assert catalog.restores() == (later, REPORT)
        assert catalog.restores(limit=1) == (later,)
        assert later.different_rows == later.rows


def test_a_report_that_another_version_wrote_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with Catalog(path) as catalog:
        catalog.record_restore(REPORT)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("INSERT INTO restore VALUES ('x', '2027', '{\"id\": 1}')")
            connection.commit()
        assert catalog.restores() == (REPORT,)


def test_reports_survive_damage_to_the_table_of_backups(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with Catalog(path) as catalog:
        catalog.record_restore(REPORT)
        columns = (
            "'x', 'p', 's', 'no such result', NULL, 'k', '', '', '', NULL, '', 1, 1, 1, 1, 'd', 'p', 0, '', 0"
        )
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"INSERT INTO backup ({', '.join(OLD_COLUMNS)}) VALUES ({columns})")
            connection.commit()
        assert catalog.history() == ()
        assert catalog.restores() == (REPORT,)
    assert list(tmp_path.glob("catalog.damaged-*.sqlite3"))
