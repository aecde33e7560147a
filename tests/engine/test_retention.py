"""What a schedule's rules remove, and that a prune leaves whole backups only, wherever it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import Cancelled, ErrorCode
from app.domain.events import Event
from app.domain.history import Entry
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules
from app.domain.schedule import Schedule
from app.engine.retention import carry_out, note_gone, plan_for
from app.persistence.catalog import Catalog
from app.persistence.destination import clean_partials
from app.system.cancellation import CancelToken
from app.system.process import run
from tests.kept_backups import ids, keep_backup, trashed, whole_in

if TYPE_CHECKING:
    from tests.conftest import SmallDisk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEEPS_TWO = Schedule("daily", "Shop", "30 2 * * *", "UTC", NOW, retention=RetentionRules(last=2))


def ignore(_: Event) -> None:
    pass


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.sqlite3") as made:
        yield made


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups"
    folder.mkdir()
    return folder


def fill(catalog: Catalog, folder: Path, number: int, schedule: str = "daily", **more: str) -> list[Entry]:
    """One a day, newest first."""
    made = []
    for day in range(number):
        made.append(keep_backup(folder, NOW - timedelta(days=day, hours=9), schedule, **more))  # type: ignore[arg-type]
        catalog.record(made[-1])
    return made


def prune(catalog: Catalog, destination: Path, schedule: Schedule = KEEPS_TWO) -> list[str]:
    """As the services do it: gives the ids that went."""
    clean_partials(destination)
    note_gone(schedule, catalog, destination)
    plan = plan_for(schedule, catalog, destination, NOW)
    done = carry_out(plan, catalog, CancelToken(), ignore, trash=schedule.trash)
    assert not done.problems
    return ids(done.removed)


def test_it_judges_the_backups_of_the_schedule_in_its_folder_alone(
    catalog: Catalog, destination: Path, tmp_path: Path
) -> None:
    own = fill(catalog, destination, 5)
    elsewhere = tmp_path / "elsewhere"
    others = [
        *fill(catalog, elsewhere, 4),
        *fill(catalog, tmp_path / "third", 4, "weekly"),
        *fill(catalog, tmp_path / "fourth", 4, "", kind="manual"),
        *fill(catalog, tmp_path / "fifth", 4, project="Blog"),
    ]
    by_hand = keep_backup(destination, NOW - timedelta(days=300), "", kind="manual")
    catalog.record(by_hand)
    assert prune(catalog, destination) == ids(own[2:])
    assert whole_in(destination) == ids([*own[:2], by_hand])
    assert all(Path(one.path).is_dir() for one in others)
    assert prune(catalog, destination) == []
    there = plan_for(replace(KEEPS_TWO, destination=str(elsewhere)), catalog, destination, NOW)
    assert ids(there.removed) == ids(others[2:4])


def test_safety_backups_of_the_project_have_their_own_time(catalog: Catalog, destination: Path) -> None:
    old = keep_backup(destination, NOW - timedelta(days=31), "", kind="safety")
    new = keep_backup(destination, NOW - timedelta(days=29), "", kind="safety")
    catalog.record(old)
    catalog.record(new)
    fill(catalog, destination, 2)
    assert prune(catalog, destination) == [old.id]
    assert new.id in whole_in(destination)


def test_backups_that_somebody_deleted_do_not_cost_the_ones_that_are_there(
    catalog: Catalog, destination: Path
) -> None:
    own = fill(catalog, destination, 4)
    for entry in own[:3]:
        Path(entry.path).rename(destination.parent / entry.id)
    assert prune(catalog, destination) == []
    assert whole_in(destination) == [own[3].id]
    assert ids(one for one in catalog.history() if one.missing) == ids(own[:3])


def test_an_unplugged_disk_is_no_deletion_and_nothing_goes(catalog: Catalog, destination: Path) -> None:
    own = fill(catalog, destination, 4)
    away = destination.rename(destination.with_name("unplugged"))
    note_gone(KEEPS_TWO, catalog, destination)
    plan = plan_for(KEEPS_TWO, catalog, destination, NOW)
    assert ids(plan.removed) == ids(own[2:])  # the preview still says what would go
    done = carry_out(plan, catalog, CancelToken(), ignore, trash=False)
    assert {error.code for _, error in done.problems} == {ErrorCode.FOLDER_MISSING}
    assert not any(one.missing for one in catalog.history())
    away.rename(destination)
    assert len(whole_in(destination)) == 4


@pytest.mark.parametrize("trash", [False, True])
def test_what_goes_goes_where_the_schedule_says(
    catalog: Catalog, destination: Path, home: Path, trash: bool
) -> None:
    own = fill(catalog, destination, 4)
    before = trashed(home)
    assert prune(catalog, destination, replace(KEEPS_TWO, trash=trash)) == ids(own[2:])
    assert whole_in(destination) == ids(own[:2])
    assert len(trashed(home) - before) == (2 if trash else 0)
    assert ids(one for one in catalog.history() if one.missing) == ids(own[2:])


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("last", range(1, 40, 3))
def test_a_prune_that_is_killed_anywhere_leaves_whole_backups_and_is_finished_by_the_next(
    catalog: Catalog, destination: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    own = fill(catalog, destination, 6)
    steps = count(1)

    def counted(name: str) -> None:
        real = getattr(Path, name)

        def step(path: Path, *arguments: object, **more: object) -> object:
            if path.is_relative_to(destination) and next(steps) >= last:
                raise Killed
            return real(path, *arguments, **more)

        patched.setattr(Path, name, step)

    with monkeypatch.context() as patched:
        for name in ("rename", "unlink", "rmdir"):
            counted(name)
        try:
            prune(catalog, destination)
        except Killed:
            pass
    left = whole_in(destination)
    assert set(ids(own[:2])) <= set(left)
    prune(catalog, destination)
    assert whole_in(destination) == ids(own[:2])
    assert ids(one for one in catalog.history() if one.missing) == ids(own[2:])
    assert sorted(path.name for path in (destination / "Shop").iterdir()) == ids(own[:2])


def test_one_that_cannot_be_removed_is_named_stays_whole_and_holds_up_no_other(
    catalog: Catalog, destination: Path
) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can protect a folder from itself")
    own = fill(catalog, destination, 6)
    stuck = own[3]
    for options in (["--bind"], ["-o", "remount,ro,bind"]):
        done = run(["/bin/mount", *options, stuck.path, stuck.path], env={}, timeout=10)
        if done.status:
            pytest.skip(f"nothing can be mounted here: {done.errors}")
    try:
        plan = plan_for(KEEPS_TWO, catalog, destination, NOW)
        pruned = carry_out(plan, catalog, CancelToken(), ignore, trash=False)
        assert [(entry.id, error.code) for entry, error in pruned.problems] == [
            (stuck.id, ErrorCode.FOLDER_READ_ONLY)
        ]
        assert whole_in(destination) == ids([*own[:2], stuck])
    finally:
        run(["/bin/umount", "--lazy", stuck.path], env={}, timeout=10)
    assert prune(catalog, destination) == [stuck.id]


def test_on_a_read_only_disk_nothing_is_lost(catalog: Catalog, small_disk: SmallDisk) -> None:
    own = fill(catalog, small_disk.folder, 4)
    small_disk.make_read_only()
    plan = plan_for(KEEPS_TWO, catalog, small_disk.folder, NOW)
    pruned = carry_out(plan, catalog, CancelToken(), ignore, trash=False)
    assert ids(entry for entry, _ in pruned.problems) == ids(own[2:])
    assert whole_in(small_disk.folder) == ids(own)
    assert not any(one.missing for one in catalog.history())


def test_it_can_be_cancelled_between_two(catalog: Catalog, destination: Path) -> None:
    own = fill(catalog, destination, 4)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        carry_out(plan_for(KEEPS_TWO, catalog, destination, NOW), catalog, cancel, ignore, trash=False)
    assert whole_in(destination) == ids(own)


def test_the_newest_of_the_best_proven_stays_whatever_the_rules_say(
    catalog: Catalog, destination: Path
) -> None:
    proven = keep_backup(destination, NOW - timedelta(days=200), level=ProofLevel.PROVEN)
    catalog.record(proven)
    own = fill(catalog, destination, 3)
    strict = replace(KEEPS_TWO, retention=RetentionRules(last=1, max_age_days=1, max_total_bytes=1))
    assert prune(catalog, destination, strict) == ids(own[1:])
    assert whole_in(destination) == ids([proven, own[0]])
