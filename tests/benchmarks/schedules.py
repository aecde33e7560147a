"""Measures what schedules ask of a long history: a tick over a thousand of them, a large plan."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain import due, slots
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules, plan_retention
from app.domain.rota import wanted_checks
from app.domain.schedule import Schedule
from app.domain.slots import Around, last_slot
from app.engine.scheduler import due_runs, holds
from app.persistence.catalog import Catalog
from app.persistence.catalog_entry import UPSERT, row_of
from app.persistence.settings import Settings

SCHEDULES = 1_000
ENTRIES = 100_000
BACKUPS = 10_000
ROUNDS = 9
NOW = datetime(2026, 11, 22, 15, 12, 40, tzinfo=UTC)
_CRONS = ("30 2 * * *", "15 * * * *", "0 3 * * 0", "0 20 * * 1-5", "45 4 1 * *", "10 */6 * * *")
_ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Asia/Tokyo")
_RULES = RetentionRules(
    last=10, hourly=48, daily=30, weekly=12, monthly=24, yearly=10, max_total_bytes=10**12
)


def measure_schedules(folder: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds by name, the median of so many rounds."""
    schedules = tuple(_schedule(number) for number in range(SCHEDULES))
    settings = Settings(schedules=schedules)
    with Catalog(folder / "catalog.sqlite3") as catalog:
        _fill(folder / "catalog.sqlite3", schedules)
        known: dict[str, Around] = {}
        moment = NOW

        def tick() -> None:
            nonlocal moment
            moment += timedelta(minutes=1)
            runs = due_runs(settings, catalog, moment, lambda _: True, known)
            for hold in holds(runs, settings, catalog, moment):
                raise AssertionError(f"{hold} was not expected")

        def first_tick() -> None:
            known.clear()
            for remembered in (slots.following_slot, slots._newest, due._delay):
                remembered.cache_clear()
            tick()

        cold = _milliseconds(first_tick, rounds)
        warm = _milliseconds(tick, rounds)
        entries = catalog.good()
    backups = [_backup(number) for number in range(BACKUPS)]
    zone = ZoneInfo("Europe/Berlin")
    return {
        f"tick of {SCHEDULES:,} schedules over {ENTRIES:,} attempts, ms (at most 50)": warm,
        "first tick of a process, ms": cold,
        f"plan of retention over {BACKUPS:,} backups, ms (at most 200)": _milliseconds(
            lambda: plan_retention(backups, _RULES, zone, NOW), rounds
        ),
        f"what to look at again among {len(entries):,} backups, ms": _milliseconds(
            lambda: wanted_checks(entries, (), NOW, prove_weekly=True), rounds
        ),
    }


def _schedule(number: int) -> Schedule:
    return Schedule(
        f"schedule-{number:04}",
        f"Project {number % 100:02}",
        _CRONS[number % len(_CRONS)],
        _ZONES[number % len(_ZONES)],
        NOW - timedelta(days=3000),
        jitter_seconds=number % 3 * 300,
    )


def _fill(path: Path, schedules: tuple[Schedule, ...]) -> None:
    """A hundred attempts of each schedule, at its newest slots; some failed."""
    entries: list[Entry] = []
    each = ENTRIES // len(schedules)
    for schedule in schedules:
        slot = last_slot(schedule, NOW + timedelta(hours=1))
        for number in range(each):
            if slot is None:
                break
            failed = number % 10 == 9
            entries.append(
                Entry(
                    id=f"{slot:%Y%m%dT%H%M%SZ}-{number:06x}",
                    project=schedule.project,
                    started=slot,
                    result=Result.FAILED if failed else Result.SUCCEEDED,
                    finished=slot + timedelta(minutes=2),
                    kind="scheduled",
                    proof_level=None if failed else ProofLevel.COMPLETE,
                    bytes=10**8,
                    destination=f"/backups/{schedule.id}",
                    path=f"/backups/{schedule.id}/{number}",
                    schedule=schedule.id,
                    slot=slot,
                )
            )
            slot = (
                last_slot(schedule, slot - timedelta(seconds=1))
                if number % 5 < 4
                else slot - timedelta(days=1)
            )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("fold", 1, str.casefold, deterministic=True)
        connection.executemany(UPSERT, map(row_of, entries))


def _backup(number: int) -> Entry:
    started = NOW - timedelta(hours=number)
    plain = Entry(
        f"{number:06}", "Shop", started, Result.SUCCEEDED, proof_level=ProofLevel.COMPLETE, bytes=10**8
    )
    return replace(plain, proof_level=ProofLevel.PROVEN) if number % 7 == 0 else plain


def _milliseconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000
