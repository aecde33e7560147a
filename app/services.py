"""Composition root: joins the engine to the user's settings, keyring, folder and catalog.

Both front ends act through these functions, so that a backup made by hand and one made on a schedule
are recorded alike. What works on servers is loaded when it does: psycopg takes a quarter of a second.
"""

from __future__ import annotations

import logging
import secrets as random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.backup import Backup, BackupOptions, CompressionMethod
from app.domain.changes import BackupChanges
from app.domain.due import Due, DueState, Hold, Skipped, due_slot, missed_slots, oldest_asked
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.estimate import Estimate, PastRun, estimate_backup
from app.domain.events import Listener, Notice, Phase, Progress
from app.domain.history import Entry, Result
from app.domain.pace import Workload, backup_workload
from app.domain.project import Project, Secret
from app.domain.proof import ProofLevel
from app.domain.restore import RestoreReport
from app.domain.retention import RetentionPlan
from app.domain.rota import Check, CheckKind, Wanted
from app.domain.schedule import Schedule
from app.engine.history import backup_of, change_note, changes_since_previous, delete_entries
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.catalog_entry import entry_of
from app.persistence.destination import clean_partials, list_backups
from app.persistence.manifest import read_manifest
from app.persistence.settings import Settings, find_project, load_settings, settings_path
from app.postgres.toolchain import Installation, find_installations
from app.system.cancellation import CancelToken
from app.system.files import free_bytes, make_folder

if TYPE_CHECKING:
    from app.domain.health import ScheduleHealth
    from app.domain.slots import Around
    from app.engine.connection_check import CheckLine, ConnectionCheck, OnLine
    from app.engine.listing import Listing
    from app.engine.preflight import BackupRequest
    from app.engine.restore.job import RestoreJob
    from app.engine.retention import Pruned
    from app.engine.scheduler import ScheduledRun
    from app.postgres.connection import Connection
    from app.supabase.access import SupabaseAccess


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What the verbs of a front end are given.

    Attributes:
        settings: the user's settings as they were at the start.
        catalog: the history of backups.
        installations: the PostgreSQL installations of this machine.
        passwords: those of projects that are kept for this run alone, because no keyring takes them.
        known_slots: what `due_runs` found in the calendar before.
    """

    settings: Settings
    catalog: Catalog
    installations: Sequence[Installation]
    passwords: Mapping[str, Secret] = field(default_factory=dict)
    known_slots: dict[str, Around] = field(default_factory=dict, repr=False, compare=False)

    def connection_of(self, project: Project) -> Connection:
        """The project's connection, with its password from the keyring where one is stored.

        Raises:
            AppError: KEYRING_LOCKED; a missing keyring is no error, since libpq may know the password.
        """
        from app.postgres.connection import parse_connection

        return replace(parse_connection(project.conninfo), password=self.password_of(project.name))

    def password_of(self, project: str) -> Secret | None:
        """The password that is kept for a project, if there is one.

        Raises:
            AppError: KEYRING_LOCKED.
        """
        return self.passwords.get(project) or stored_password(project)

    def backup(self, request: BackupRequest, cancel: CancelToken, listener: Listener) -> Backup:
        """Make a backup, prove it as far as its options say, and record how it went, whatever that is.

        Raises:
            AppError, Cancelled: as `back_up` does; a proof that was cancelled leaves the backup.
        """
        from app.engine.backup import back_up

        started = datetime.now(UTC)
        try:
            if request.destination is not None:
                self._clean(request.destination, listener)
                request = replace(request, last_bytes=self._last_bytes(request))
            request = self._with_access(request)
            backup = back_up(request, self.installations, cancel, listener)
        except Exception as error:
            reason = self._reason(error, request)
            entry = _attempt(request, started, reason)
            if isinstance(error, Cancelled) and cancel.by_system and request.schedule:
                entry = replace(entry, result=Result.INTERRUPTED)  # which is retried
            self._record(entry, listener)
            if reason is error:
                raise
            raise reason from error
        self._record(entry_of(Path(backup.folder), backup.manifest), listener)
        if request.options.proof is ProofLevel.PROVEN:
            try:
                return self._prove(backup, cancel, listener)
            except Cancelled:
                level = backup.manifest.proof.level
                listener(Notice(f"The backup is kept in {backup.folder}: it is {level}, not proven."))
                raise
            except AppError as error:  # the backup is good all the same, and the caller sees how far
                listener(Notice(f"Not proven. {error}"))
        return backup

    def supabase_of(self, project: str, connection: Connection) -> SupabaseAccess | None:
        """How to reach a Supabase project beside its database; None for any other.

        Args:
            project: its name; one that was not added is known by its connection alone.
        """
        from app.engine.supabase_access import access_of  # few projects need it

        wanted = project.casefold()
        found = next((one for one in self.settings.projects if one.name.casefold() == wanted), None)
        return access_of(found, connection.keywords)

    def told_apart(self, error: AppError, project: str, connection: Connection) -> AppError:
        """A failure to reach a database, or that its project at Supabase is paused, where that is why."""
        if connection.type.name != "supabase":
            return error
        from app.engine.supabase_projects import if_paused

        return if_paused(error, self.supabase_of(project, connection))

    def _with_access(self, request: BackupRequest) -> BackupRequest:
        options = request.options
        if request.supabase is not None or not (
            options.storage or options.functions or options.configuration
        ):
            return request
        return replace(request, supabase=self.supabase_of(request.project, request.connection))

    def run_schedule(self, schedule: Schedule, cancel: CancelToken, listener: Listener) -> Backup | None:
        """Run the slot of a schedule that is due, and then remove what its rules do not keep.

        Old backups that cannot be removed are told of, and leave the new one what it is: made.

        Returns:
            The backup; None when nothing is due any more: another process runs it, or ran it meanwhile,
            or an attempt was interrupted a moment ago and is retried later.

        Raises:
            AppError, Cancelled: as `backup` does; the attempt stands in the history.
        """
        try:
            return self._run_schedule(schedule, cancel, listener)
        finally:
            if not cancel.is_cancelled:
                self.remind()

    def remind(self, waiting: Collection[str] = ()) -> None:
        """Tell what is due over every channel of reminders; what could not be told stands in the history.

        Args:
            waiting: ids of schedules that are due and wait for a condition.
        """
        if not self.settings.reminders.active:
            return
        from app.engine.reminders import remind  # few have any

        try:
            remind(self.settings, self.catalog, datetime.now(UTC), waiting)
        except AppError as error:
            _log.info("reminders were not looked at: %s", error)
        except Exception:  # noqa: BLE001 - a bug here must not make a failure of a backup that was made
            _log.exception("an error in Holdfast itself: reminders were not looked at")

    def _run_schedule(self, schedule: Schedule, cancel: CancelToken, listener: Listener) -> Backup | None:
        from app.engine.scheduler import only_run

        with only_run(schedule) as is_ours:
            if not is_ours:
                return None
            due = self._due(schedule)
            if due.state is not DueState.DUE or due.slot is None:
                return None
            from app.engine.preflight import BackupRequest
            from app.postgres.connection import Connection

            started = datetime.now(UTC)
            request = BackupRequest(
                schedule.project,
                Connection(""),
                schedule.options,
                self._folder_of(schedule),
                kind="scheduled",
                schedule=schedule.id,
                slot=due.slot,
                stall_seconds=self.settings.stall_seconds,
            )
            try:
                self._learn_of_crashes(schedule, due.slot, listener)
                if self._due(schedule).state is not DueState.DUE:
                    return None
                connection = self.connection_of(find_project(self.settings, schedule.project))
                if not schedule.destination and not self.settings.destination:
                    make_folder(self.settings.destination_folder)
            except AppError as error:  # it is an attempt like any other, and is retried
                self._record(_attempt(request, started, error), listener)
                raise
            if due.attempt == 1 and (missed := missed_slots(schedule, self._runs_of(schedule), due.slot)):
                self._note(Hold(schedule.id, due.slot, Skipped.CAUGHT_UP, *missed))
            backup = self.backup(replace(request, connection=connection), cancel, listener)
            if not backup.manifest.proof.has_failed:
                self._prune(schedule, cancel, listener)
            return backup

    def due_runs(self) -> tuple[ScheduledRun, ...]:
        """Every schedule with a slot that is due now, and what it waits for.

        What holds one up is kept, and reminders that are due are told: ask at least once a minute.
        """
        from app.engine.scheduler import due_runs, holds  # the window starts without it

        now = datetime.now(UTC)
        runs = due_runs(self.settings, self.catalog, now, self._reaches, self.known_slots)
        for hold in holds(runs, self.settings, self.catalog, now):
            self._note(hold)
        self.remind({run.schedule.id for run in runs if run.waiting})
        return runs

    def schedule_healths(self) -> tuple[ScheduleHealth, ...]:
        """How each schedule stands, in the order of the settings; asks servers where one waits for them."""
        from app.engine.scheduler import schedule_healths

        return schedule_healths(self.settings, self.catalog, datetime.now(UTC), self._reaches)

    def retention_plan(self, schedule: Schedule) -> RetentionPlan:
        """What the rules of a schedule keep and remove now."""
        from app.engine.retention import plan_for

        return plan_for(schedule, self.catalog, self.settings.destination_folder, datetime.now(UTC))

    def prune(self, schedule: Schedule, cancel: CancelToken, listener: Listener) -> Pruned | None:
        """Remove the backups of a schedule that its rules do not keep; None while it makes one.

        Raises:
            Cancelled: those that were removed before are gone, the others whole.
        """
        from app.engine.scheduler import only_run

        with only_run(schedule) as is_ours:
            if not is_ours:
                return None
            self._clean(self._folder_of(schedule), listener)
            return self._prune(schedule, cancel, listener)

    def prove(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Prove a backup by restoring it, and record the result.

        Raises:
            AppError: what hindered the proof; the backup's last proof stays what it was.
        """
        proven = self._prove(backup, cancel, listener)
        self._note_check(entry_of(Path(proven.folder), proven.manifest), CheckKind.RESTORE)
        return proven

    def verify(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Check a backup's files and streams, and record a backup that is no longer good."""
        from app.engine.verify import verify_backup

        verified = verify_backup(backup, cancel, listener)
        entry = entry_of(Path(verified.folder), verified.manifest)
        self._record(entry, listener)
        self._note_check(entry, CheckKind.FILES)
        return verified

    def due_checks(self) -> tuple[Wanted, ...]:
        """The old backups that are to be looked at now, for `recheck`; ask as often as for `due_runs`."""
        from app.engine.rota import look

        return look(self.settings, self.catalog, datetime.now(UTC))

    def recheck(
        self, wanted: Sequence[Wanted], cancel: CancelToken, listener: Listener
    ) -> tuple[Backup, ...]:
        """Look at old backups, and record those that are no longer good; nothing while another process does.

        What hinders a check is told and recorded; it is tried again a day later.

        Returns:
            The backups that could be judged.

        Raises:
            Cancelled: what was looked at before is recorded.
        """
        from app.engine.scheduler import only_one

        done: list[Backup] = []
        with only_one("rota") as is_ours:
            for one in wanted if is_ours else ():
                cancel.check()
                try:
                    backup = backup_of(one.entry)
                    look = self.prove if one.kind is CheckKind.RESTORE else self.verify
                    done.append(look(backup, cancel, listener))
                except AppError as error:
                    self._note_hindered(one, error, listener)
        return tuple(done)

    def restore(
        self, job: RestoreJob, connection: Connection, project: str, cancel: CancelToken, listener: Listener
    ) -> RestoreReport:
        """Back up a target that holds rows, carry out the job's plan, and record what came of it.

        Args:
            job: a restore that was planned.
            connection: the target.
            project: the target's name among the projects, if it is one; safety backups are filed under it.

        Raises:
            AppError: the target could not be backed up, or as `RestoreJob.run` does; nothing was changed.
            Cancelled: before anything was changed.
        """
        plan = job.plan_made
        safety_backup = ""
        if plan.makes_safety_backup and not plan.blocking:
            from app.engine.preflight import BackupRequest

            listener(Progress(Phase.SAVING_TARGET))
            request = BackupRequest(
                project or plan.database,
                connection,
                BackupOptions(
                    proof=ProofLevel.COMPLETE,
                    note=f"Before a restore of {plan.source}",
                    storage=False,
                    functions=False,
                    configuration=False,
                ),
                self.settings.destination_folder,
                kind="safety",
                stall_seconds=self.settings.stall_seconds,
            )
            try:
                safety_backup = self.backup(request, cancel, listener).folder
            except AppError as error:
                raise AppError(
                    error.code,
                    "Nothing was restored: the target could not be backed up before",
                    detail=". ".join(text.rstrip(".") for text in (error.title, error.detail) if text),
                    hint=error.hint,
                ) from error
            listener(Notice(f"The target as it was is backed up in {safety_backup}."))
        report = job.run(cancel, listener, safety_backup=safety_backup)
        try:
            self.catalog.record_restore(report)
        except AppError as error:
            listener(Notice(f"The history could not be written. {error}"))
        return report

    def check_connection(
        self, connection: Connection, on_line: OnLine, cancel: CancelToken
    ) -> ConnectionCheck:
        """Fill the list of Test Connection; failures stand in its lines."""
        from app.engine.connection_check import check_connection

        def tell(line: CheckLine) -> None:
            failure = line.failure and self.told_apart(line.failure, "", connection)
            on_line(replace(line, failure=failure))

        folder = self.settings.destination_folder
        return check_connection(connection, self.installations, tell, cancel, destination=folder)

    def list_database(self, connection: Connection, cancel: CancelToken) -> Listing:
        """Schemas and tables with their sizes.

        Raises:
            AppError: the server cannot be reached or asked.
        """
        from app.engine.listing import list_database

        return list_database(connection, cancel)

    def estimate(
        self, project: str, options: BackupOptions, listing: Listing | None = None
    ) -> Estimate | None:
        """What a backup will take, by the last one with these options, else by the size of its tables.

        None when neither is known. It reads a manifest: not for the window's thread.
        """
        last = self._past_run(project, options)
        if last is None and listing is None:
            return None
        compression = options.compression
        return estimate_backup(
            listing.selected_bytes(options.excluded_tables) if listing else last.bytes if last else 0,
            free_bytes(self.settings.destination_folder),
            proven=options.proof is ProofLevel.PROVEN,
            compressed=compression is None or compression.method is not CompressionMethod.NONE,
            last=last,
            database_bytes=listing.bytes if listing else 0,
            line_speed=listing.line_speed if listing else 0.0,
            storage_bytes=listing.storage_bytes if listing and options.storage else 0,
        )

    def backup_workload(self, project: str, options: BackupOptions) -> Workload:
        """The phases of a backup, for its percent; they go by the last backup's size."""
        last = self._past_run(project, options)
        return backup_workload(
            last.database_bytes if last else 0,
            proven=options.proof is ProofLevel.PROVEN,
            storage_bytes=last.storage_bytes if last and options.storage else 0,
        )

    def backup_of(self, entry: Entry) -> Backup:
        """The backup of an entry, as its folder tells of it now. Raises AppError where it cannot be read."""
        return backup_of(entry)

    def delete(
        self, entries: Sequence[Entry], cancel: CancelToken, listener: Listener, *, for_good: bool = False
    ) -> int:
        """Move backups to the trash, or remove them for good, and forget them; gives how many went.

        Raises:
            AppError: NO_TRASH and others, see `delete_entries`.
        """
        return delete_entries(entries, self.catalog, cancel, listener, for_good=for_good)

    def export(
        self, entry: Entry, target: Path, cancel: CancelToken, listener: Listener, *, replace: bool = False
    ) -> Path:
        """Write a backup as one file, see `export_backup`."""
        from app.engine.export import export_backup  # few runs need it

        return export_backup(backup_of(entry), target, cancel, listener, replace=replace)

    def set_note(self, entry: Entry, note: str, listener: Listener) -> None:
        """Give a backup another note, in its manifest and in the catalog."""
        change_note(entry, note, self.catalog, listener)

    def changes(self, entry: Entry) -> tuple[Entry, BackupChanges] | None:
        """What changed since the backup before it, and that one's entry; None for the first.

        Raises:
            AppError: a manifest cannot be read.
        """
        return changes_since_previous(entry, self.catalog)

    def open_copy(
        self, paths: Sequence[Path], cancel: CancelToken, listener: Listener, *, database: str = ""
    ) -> RestoreReport:
        """Keep a copy in a sandbox open until `cancel` is set; `CopyOpened` tells its address."""
        from app.engine.restore.open_copy import open_copy  # takes long to import

        return open_copy(paths, self.installations, cancel, listener, database=database)

    def sample(self, cancel: CancelToken, listener: Listener) -> Backup:
        """Back up and prove the sample database into the folder for backups; only the backup stays.

        Raises:
            AppError: SANDBOX_FAILED, or as a backup does.
        """
        from app.engine.demo import back_up_sample  # takes long to import

        folder = make_folder(self.settings.destination_folder)
        return back_up_sample(folder, self.installations, self.backup, cancel, listener)

    def _prove(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        from app.engine.backup import prove_backup

        proven = prove_backup(backup, self.installations, cancel, listener)
        self._record(entry_of(Path(proven.folder), proven.manifest), listener)
        return proven

    def _note_hindered(self, wanted: Wanted, error: AppError, listener: Listener) -> None:
        entry, is_damaged = wanted.entry, error.code is ErrorCode.ARCHIVE_DAMAGED
        listener(Notice(f"The backup {entry.id} of {entry.project} was not checked. {error}"))
        if is_damaged:  # its manifest, so that nothing can be noted in it
            self._record(replace(entry, proof_failure=str(error)), listener)
        self._note_check(entry, wanted.kind, "" if is_damaged else str(error))

    def _note_check(self, entry: Entry, kind: CheckKind, problem: str = "") -> None:
        """A full disk is no reason to call a backup bad, or not to check the next one."""
        check = Check(entry.id, entry.destination, entry.project, kind, datetime.now(UTC), problem)
        try:
            self.catalog.record_check(check)
        except AppError as error:
            _log.info("that a backup was checked was not recorded: %s", error)

    def _folder_of(self, schedule: Schedule) -> Path:
        return Path(schedule.destination) if schedule.destination else self.settings.destination_folder

    def _note(self, hold: Hold) -> None:
        """Keep it for people to read. A full disk is no reason not to run what can be run."""
        try:
            self.catalog.record_hold(hold)
        except AppError as error:
            _log.info("what held a schedule up was not recorded: %s", error)

    def _due(self, schedule: Schedule) -> Due:
        now = datetime.now(UTC)
        return due_slot(schedule, self._runs_of(schedule), now, self.settings.paused_until)

    def _runs_of(self, schedule: Schedule) -> tuple[Entry, ...]:
        now = datetime.now(UTC)
        return self.catalog.runs_of(schedule.id, min(oldest_asked(schedule, now), now - timedelta(days=400)))

    def _learn_of_crashes(self, schedule: Schedule, slot: datetime, listener: Listener) -> None:
        """Bring the history of a slot up to date.

        An attempt that was interrupted stands in a partial folder, and a backup that was published just
        before a crash in its own folder alone.
        """
        folder = self._folder_of(schedule)
        self._clean(folder, listener)
        known = {entry.id for entry in self._runs_of(schedule)}
        for path, found in list_backups(folder, slot) if folder.is_dir() else ():
            if isinstance(found, AppError) or found.schedule != schedule.id or found.id in known:
                continue
            self._record(entry_of(path, found), listener)

    def _prune(self, schedule: Schedule, cancel: CancelToken, listener: Listener) -> Pruned:
        from app.engine.retention import carry_out, note_gone

        if not schedule.retention.is_off:
            note_gone(schedule, self.catalog, self.settings.destination_folder)
        plan = self.retention_plan(schedule)
        done = carry_out(plan, self.catalog, cancel, listener, trash=schedule.trash)
        if done.removed:
            number = f"{len(done.removed):,} old backup{'s' if len(done.removed) > 1 else ''}"
            where = "to the trash" if schedule.trash else "for good"
            listener(Notice(f"Removed {number} of {schedule.project} {where}."))
        for entry, problem in done.problems:
            listener(Notice(f"The old backup {entry.id} of {entry.project} was not removed. {problem}"))
        return done

    def _reason(self, error: Exception, request: BackupRequest) -> Exception:
        """What is behind a failure: a project that sleeps, or a locked keyring that holds its password."""
        if isinstance(error, AppError):
            error = self.told_apart(error, request.project, request.connection)
        is_refused = isinstance(error, AppError) and error.code is ErrorCode.SIGN_IN_FAILED
        if not is_refused or request.connection.password is not None:
            return error
        if not any(project.name == request.project for project in self.settings.projects):
            return error
        from app.persistence import secrets

        if not secrets.probe().locked:
            return error
        return AppError(
            ErrorCode.KEYRING_LOCKED,
            f"The keyring is locked, so {request.project} was signed in without its password",
            detail=str(error.args[0]),
            hint="Unlock the keyring, then try again.",
        )

    def _reaches(self, schedule: Schedule) -> bool:
        """Whether a schedule's database answers."""
        from app.postgres.connection import connect

        try:
            connection = self.connection_of(find_project(self.settings, schedule.project))
            connect(connection, timeout=5).close()
        except AppError:
            return False
        return True

    def _record(self, entry: Entry, listener: Listener) -> None:
        """Note it in the catalog. A catalog that cannot be written hides neither a backup nor a failure."""
        try:
            self.catalog.record(entry)
        except AppError as error:
            listener(Notice(f"The history could not be written. {error}"))

    def _last_bytes(self, request: BackupRequest) -> int | None:
        """Size of the project's last backup, if it was made with the same options; else it says nothing.

        Storage files look after their own space.
        """
        last = self._past_run(request.project, request.options)
        return last.bytes - last.storage_bytes if last else None

    def _past_run(self, project: str, options: BackupOptions) -> PastRun | None:
        """The project's last backup, if it was made with the same options."""
        try:
            last = self.catalog.last_backup(project)
            manifest = read_manifest(Path(last.path)) if last else None
        except AppError:
            return None
        if last is None or manifest is None or _extent(manifest.options) != _extent(options):
            return None
        proof = manifest.proof
        was_restored = proof.level is ProofLevel.PROVEN
        return PastRun(
            manifest.database_bytes,
            last.bytes,
            last.seconds or 0.0,
            proof.seconds if was_restored else 0.0,
            manifest.storage_bytes,
        )

    def _clean(self, destination: Path, listener: Listener) -> None:
        """Remove what an interrupted run left, and tell of it."""
        for interrupted in clean_partials(destination):
            when = f"{interrupted.started:%Y-%m-%d %H:%M} UTC"
            left = interrupted.problem or "what it left was removed"
            listener(Notice(f"The backup of {interrupted.project} from {when} was interrupted: {left}."))
            entry = Entry(
                id=interrupted.id,
                project=interrupted.project,
                started=interrupted.started,
                result=Result.INTERRUPTED,
                kind="scheduled" if interrupted.schedule else "manual",
                destination=str(destination.resolve()),
                schedule=interrupted.schedule,
                slot=interrupted.slot,
            )
            if not self._is_told(entry):
                self._record(entry, listener)

    def _is_told(self, interrupted: Entry) -> bool:
        """Whether it stands in the history as what it was: its folder was away when it was to be removed."""
        runs = self.catalog.runs_of(interrupted.schedule, interrupted.slot) if interrupted.slot else ()
        began = interrupted.started
        same = (one for one in runs if one.slot == interrupted.slot and one.finished)
        return any(one.started <= began <= (one.finished or began) for one in same)


def _extent(options: BackupOptions) -> tuple[object, ...]:
    """The options that decide how large a backup becomes."""
    selected = (options.contents, options.schemas, options.tables, options.excluded_tables)
    return (*selected, options.format, options.compression)


def _attempt(request: BackupRequest, started: datetime, error: Exception) -> Entry:
    """The entry of an attempt that left no backup."""
    entry = Entry(
        id=f"{started:%Y%m%dT%H%M%SZ}-{random.token_hex(3)}",
        project=request.project,
        started=started,
        result=Result.CANCELLED if isinstance(error, Cancelled) else Result.FAILED,
        finished=datetime.now(UTC),
        kind=request.kind,
        schedule=request.schedule,
        slot=request.slot,
        destination=str(request.destination.resolve()) if request.destination else "",
        note=request.options.note,
    )
    if isinstance(error, AppError):
        return replace(entry, error_code=error.code, error_title=error.title, error_detail=error.detail)
    if isinstance(error, Cancelled):
        return entry
    return replace(entry, error_title=f"An error in Holdfast itself: {type(error).__name__}")


def build_services(
    listener: Listener = lambda _: None, passwords: Mapping[str, Secret] | None = None
) -> Services:
    """Build everything once, from the user's own folders; `listener` is told of repairs."""
    settings = load_settings(settings_path())
    return Services(
        settings=settings,
        catalog=Catalog(catalog_path(), [settings.destination_folder], listener),
        installations=find_installations(),
        passwords={} if passwords is None else passwords,
    )


def stored_password(project: str) -> Secret | None:
    """The project's password from the keyring; None where there is no usable keyring.

    Raises:
        AppError: KEYRING_LOCKED.
    """
    from app.persistence import secrets  # a URL needs no keyring, which takes long to import

    if not secrets.probe().usable:
        return None
    return secrets.get_password(project)
