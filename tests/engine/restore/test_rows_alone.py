from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.domain.restore import RestoreMode, Severity
from app.engine.restore.rows_alone import STILL_TRIGGERS, RowsAlone, plan_rows
from app.engine.restore.still_triggers import AS_REPLICA
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import ForeignKey, TargetFacts, TargetObject, Trigger
from app.postgres.toolchain import Version

if TYPE_CHECKING:
    from tests.engine.restore.conftest import MakeEntry

A, B, C = ("s", "a"), ("s", "b"), ("s", "c")


@pytest.fixture
def entries(entry: MakeEntry) -> tuple[Entry, ...]:
    return tuple(entry(number, "TABLE DATA", "s", name) for number, name in enumerate("abc", 1))


def planned(
    entries: tuple[Entry, ...],
    *,
    clean: bool = False,
    mode: RestoreMode = RestoreMode.ONE_TRANSACTION,
    **facts: Any,
) -> RowsAlone:
    objects = tuple(TargetObject("TABLE", *name, columns=("id",)) for name in (A, B, C))
    facts = {"objects": objects, **facts}
    target = TargetFacts(database="d", version=Version(17, 0), role="me", **facts)
    return plan_rows(entries, target, clean=clean, mode=mode)


def blocking(rows: RowsAlone) -> str:
    return "; ".join(f"{one.title} {one.detail}" for one in rows.findings if one.severity is Severity.BLOCKS)


def key(one: tuple[str, str], other: tuple[str, str], **more: Any) -> ForeignKey:
    return ForeignKey("k", one, other, **more)


def test_tables_come_after_those_that_they_refer_to(entries: tuple[Entry, ...]) -> None:
    rows = planned(entries, foreign_keys=(key(A, B), key(B, C), key(C, C)))
    assert [one.tag for one in rows.entries] == ["c", "b", "a"]
    assert not rows.findings
    assert not rows.settings


def test_circles_need_triggers_to_keep_still(entries: tuple[Entry, ...]) -> None:
    circle = (key(A, B), key(B, A))
    assert "in a circle" in blocking(planned(entries, foreign_keys=circle))
    still = planned(entries, foreign_keys=circle, may_replicate=True)
    assert not blocking(still)
    assert still.prepares[-1] == AS_REPLICA
    assert still.closing.unchecked == (A, B, C)
    several = planned(entries, foreign_keys=circle, may_replicate=True, mode=RestoreMode.PARALLEL)
    assert (several.settings, several.prepares) == (STILL_TRIGGERS, ())


def test_deferrable_keys_make_no_circle_in_one_transaction(entries: tuple[Entry, ...]) -> None:
    rows = planned(entries, foreign_keys=(key(A, B), key(B, A, is_deferrable=True)), may_replicate=True)
    assert not blocking(rows)
    assert rows.prepares == ("SET CONSTRAINTS ALL DEFERRED;",)
    assert not rows.closing.unchecked
    order = [one.tag for one in rows.entries]
    assert order.index("b") < order.index("a")


def test_triggers_alone_keep_still_in_one_transaction_of_the_owner(entries: tuple[Entry, ...]) -> None:
    triggers = (Trigger(A, "t"), Trigger(B, "a", "A"), Trigger(C, "r", "R"), Trigger(("s", "other"), "o"))
    rows = planned(entries, triggers=triggers, may_replicate=True)
    assert rows.prepares == (
        'ALTER TABLE ONLY "s"."a" DISABLE TRIGGER "t";',
        'ALTER TABLE ONLY "s"."b" DISABLE TRIGGER "a";',
    )
    assert rows.closing.statements == (
        'ALTER TABLE ONLY "s"."a" ENABLE TRIGGER "t";',
        'ALTER TABLE ONLY "s"."b" ENABLE ALWAYS TRIGGER "a";',
    )
    assert not rows.closing.unchecked
    assert [(one.severity, one.detail) for one in rows.findings] == [
        (Severity.INFORMS, '"t" on "s"."a", "a" on "s"."b" (enabled always)')
    ]


def test_triggers_of_others_keep_still_where_the_role_may_be_a_replica(entries: tuple[Entry, ...]) -> None:
    facts: dict[str, Any] = {
        "triggers": (Trigger(A, "t"), Trigger(B, "r", "R")),
        "objects": tuple(TargetObject("TABLE", *one, is_mine=one == C, columns=("id",)) for one in (A, B, C)),
    }
    rows = planned(entries, **facts, may_replicate=True)
    assert rows.prepares == (AS_REPLICA,)
    assert rows.closing.unchecked == (A, B, C)
    assert "for replicas" in next(one.title for one in rows.findings if one.severity is Severity.WARNS)
    loud = planned(entries, **facts)
    assert not loud.prepares
    assert loud.findings[0].title == "Triggers fire while rows are loaded, and may change the rows"


def test_what_truncate_fires_keeps_still_only_where_tables_are_emptied(entries: tuple[Entry, ...]) -> None:
    trigger = (Trigger(A, "t", on_insert=False, on_truncate=True),)
    assert not planned(entries, triggers=trigger, rows_in=frozenset({A})).prepares
    assert planned(entries, triggers=trigger, rows_in=frozenset({A}), clean=True).prepares


def test_missing_tables_and_columns_and_hidden_rows_block(entries: tuple[Entry, ...]) -> None:
    assert '"s"."c"' in blocking(planned(entries, objects=(TargetObject("TABLE", *A, columns=("id",)),)))
    other = tuple(TargetObject("TABLE", *name, columns=("key",)) for name in (A, B, C))
    assert '"s"."a".id' in blocking(planned(entries, objects=other))
    assert "Row security" in blocking(planned(entries, hides_rows=frozenset({B})))


def test_rows_are_added_with_a_warning_or_take_the_place_of_others(entries: tuple[Entry, ...]) -> None:
    added = planned(entries, rows_in=frozenset({A}))
    assert added.findings[0].severity is Severity.WARNS
    assert not added.drops
    emptied = planned(entries, rows_in=frozenset({A}), clean=True)
    assert emptied.drops == ('TRUNCATE TABLE ONLY "s"."a", ONLY "s"."b", ONLY "s"."c";',)
    assert not emptied.findings


def test_a_table_is_not_emptied_under_rows_that_refer_to_it(entries: tuple[Entry, ...]) -> None:
    keys = (key(C, A),)
    rows = planned(entries[:2], rows_in=frozenset({A, C}), foreign_keys=keys, clean=True)
    assert '"s"."c" refers to "s"."a"' in blocking(rows)
    empty = planned(entries[:2], rows_in=frozenset({A}), foreign_keys=keys, clean=True)
    assert not blocking(empty)
    assert '"s"."c"' in empty.drops[0]


def test_partitions_are_emptied_with_their_root_if_all_of_them_get_rows(entries: tuple[Entry, ...]) -> None:
    root = ("s", "root")
    facts: dict[str, Any] = {"partitions": ((B, root), (C, root)), "foreign_keys": (key(root, A),)}
    rows = planned(entries, rows_in=frozenset({A, B}), clean=True, **facts)
    assert rows.drops[0].endswith(', "s"."root";')
    partial = planned(entries[:2], rows_in=frozenset({A, C}), clean=True, **facts)
    assert '"s"."root" refers to "s"."a"' in blocking(partial)
