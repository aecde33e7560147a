"""Measures Holdfast against pg_dump, and its window against another's, as ratios within one run.

usage: bench.py [--rounds N] [--scale X] [--proofs N] [--restores N] [--window | --schedules | --package]

With `--window` only the window is measured, with `--schedules` only what schedules ask of a long history,
with `--package` only what “bootstrap.py build” made; the other figures in build/bench.json stay.
The contestants take turns in each round, so that a noisy machine disturbs all alike. Medians and ratios
are printed and written to build/bench.json, with what each ratio should be.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.domain.backup import BackupOptions
from app.engine.sample import BENCHMARK_SCALE, load_sample
from app.postgres.archive import Archive, read_archive, write_directory_toc
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection, connect
from app.postgres.inspection import dumped_tables
from app.postgres.sandbox import SandboxServer, create_database, running_sandbox
from app.postgres.toolchain import Installation, find_installations
from app.system.process import Child, child_environment
from tests.benchmarks.package import measure_package
from tests.benchmarks.schedules import measure_schedules
from tests.benchmarks.window import measure_window

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "build" / "bench.json"
HOLDFAST = [sys.executable, "-m", "app"]
MANY_TABLES = 50_000
_MODELS = ("TABLE", "TABLE DATA", "CONSTRAINT")


@dataclass(frozen=True, slots=True)
class Bench:
    """What every contestant needs: the database, the tools and a folder to write to."""

    source: Connection
    server: SandboxServer
    folder: Path

    @property
    def tool(self) -> Installation:
        """The bundled programs."""
        return self.server.installation

    def pg_dump(self, *arguments: str) -> list[str]:
        """A command line of the bundled pg_dump."""
        program = str(self.tool.program("pg_dump"))
        return [program, f"--dbname={self.source.conninfo}", "--no-password", *arguments]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds, and the highest resident memory of the process itself in bytes."""

    seconds: float
    peak: int


def run(command: list[str], env: dict[str, str], stdout: int | None = None) -> Run:
    """Run a command to its end and time it."""
    begun = time.monotonic()
    peak = 0
    with Child(command, env=env, stdout=Child.NULL if stdout is None else stdout) as child:
        status_file = Path(f"/proc/{child.id.pid}/status")
        while child.status is None:
            peak = max(peak, _peak_memory(status_file))
            try:
                child.wait(0.05)
            except TimeoutError:
                continue
        if child.status != 0:
            sys.exit(f"{command[0]} failed with status {child.status}:\n{child.errors()}")
    return Run(time.monotonic() - begun, peak)


def _peak_memory(status_file: Path) -> int:
    try:
        lines = status_file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


@contextmanager
def _empty(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def holdfast(bench: Bench, *arguments: str) -> Run:
    """The whole command line: start of Python, snapshot, counts, dump, reading back, hashes, fsync."""
    with _empty(bench.folder / "holdfast") as target:
        command = [
            *HOLDFAST,
            "backup",
            f"--url={bench.source.conninfo}",
            f"--to={target}",
            "--json",
            *arguments,
        ]
        return run(command, _own_environment(bench))


def _own_environment(bench: Bench) -> dict[str, str]:
    home = str(bench.folder)
    secret = {"PGPASSWORD": bench.source.password.reveal()} if bench.source.password else {}
    return os.environ | secret | {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}


def bare_directory(bench: Bench) -> Run:
    """The pg_dump that Holdfast runs, alone."""
    with _empty(bench.folder / "bare") as target:
        arguments = ("--format=directory", "--jobs=2", "--compress=zstd:3", f"--file={target / 'dump'}")
        return run(bench.pg_dump(*arguments), bench.source.environment())


def to_file(*arguments: str) -> Callable[[Bench], Run]:
    """A pg_dump that writes one file."""

    def dump(bench: Bench) -> Run:
        with _empty(bench.folder / "file") as target:
            return run(bench.pg_dump(*arguments, f"--file={target / 'dump'}"), bench.source.environment())

    return dump


def piped_to_gzip(bench: Bench) -> Run:
    """`pg_dump | gzip`, the classic of shell scripts."""
    packer = shutil.which("gzip") or sys.exit("gzip is missing")
    begun = time.monotonic()
    with (
        _empty(bench.folder / "gzip") as target,
        (target / "dump.sql.gz").open("wb") as written,
        Child(bench.pg_dump(), env=bench.source.environment(), stdout=Child.PIPE) as dump,
        Child([packer], env=child_environment(), stdin=dump.stdout, stdout=written) as packing,
    ):
        packing.wait()
        dump.wait()
    return Run(time.monotonic() - begun, 0)


def copy_to_nowhere(bench: Bench) -> Run:
    """COPY of all tables on two connections: the speed at which this server can send at all."""
    with connect(bench.source) as session:
        tables = [table.sql for table in dumped_tables(session, BackupOptions())]
    begun = time.monotonic()
    lock = threading.Lock()
    with Path(os.devnull).open("wb") as nowhere:

        def work() -> None:
            psql = [str(bench.tool.program("psql")), "-X", f"--dbname={bench.source.conninfo}"]
            with Child(psql, env=bench.source.environment(), stdin=Child.PIPE, stdout=nowhere) as child:
                while True:
                    with lock:
                        if not tables:
                            break
                        table = tables.pop(0)
                    child.stdin.write(f"COPY {table} TO STDOUT;\n".encode())
                    child.stdin.flush()
                child.stdin.close()
                child.wait()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return Run(time.monotonic() - begun, 0)


CONTESTANTS: dict[str, Callable[[Bench], Run]] = {
    "Holdfast, complete": lambda bench: holdfast(bench, "--proof=complete"),
    "pg_dump -Fd -j2 zstd:3": bare_directory,
    "pg_dump -Fc (gzip, as pgAdmin)": to_file("--format=custom"),
    "pg_dump -Fc -Z zstd:5": to_file("--format=custom", "--compress=zstd:5"),
    "pg_dump | gzip": piped_to_gzip,
    "pg_dump to a plain file": to_file("--format=plain"),
    "COPY to nowhere on two connections": copy_to_nowhere,
}


def measure_proofs(bench: Bench, rounds: int) -> list[Run]:
    """Prove one backup again and again; the backup itself is not timed."""
    with _empty(bench.folder / "proven") as target:
        command = [
            *HOLDFAST,
            "backup",
            f"--url={bench.source.conninfo}",
            f"--to={target}",
            "--proof=complete",
        ]
        run(command, _own_environment(bench))
        backup = next(target.glob("*/*/manifest.json")).parent
        return [
            run([*HOLDFAST, "prove", str(backup), "--json"], _own_environment(bench)) for _ in range(rounds)
        ]


@contextmanager
def _database(bench: Bench, name: str, *, made: bool) -> Iterator[str]:
    """A database that is gone afterwards; `made` here, or by the contestant."""
    if made:
        create_database(bench.server, name)
    try:
        yield bench.server.conninfo(name)
    finally:
        with bench.server.connect() as session:
            session.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def restore_with_holdfast(bench: Bench, dump: Path) -> Run:
    """The whole command line, from looking at the dump to the comparison of the rows."""
    with _database(bench, "restored", made=False):
        command = [*HOLDFAST, "restore", str(dump), "--new-database=restored"]
        return run([*command, f"--on={bench.source.conninfo}", "--json"], _own_environment(bench))


def restore_with_pg_restore(bench: Bench, dump: Path) -> Run:
    """`pg_restore -j2` into an empty database."""
    program = str(bench.tool.program("pg_restore"))
    with _database(bench, "restored", made=True) as conninfo:
        return run([program, f"--dbname={conninfo}", "--jobs=2", str(dump)], bench.source.environment())


def restore_with_gunzip(bench: Bench, dump: Path) -> Run:
    """`gunzip | psql`, in one transaction as Holdfast does it."""
    unpacker = shutil.which("gunzip") or sys.exit("gunzip is missing")
    begun = time.monotonic()
    with _database(bench, "restored", made=True) as conninfo:
        psql = [str(bench.tool.program("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"]
        with (
            Child([unpacker, "-c", dump], env=child_environment(), stdout=Child.PIPE) as unpacking,
            Child(
                [*psql, f"--dbname={conninfo}"],
                env=bench.source.environment(),
                stdin=unpacking.stdout,
            ) as child,
        ):
            if child.wait() != 0:
                sys.exit(f"psql failed:\n{child.errors()}")
            unpacking.wait()
        return Run(time.monotonic() - begun, 0)


def measure_restores(bench: Bench, rounds: int) -> dict[str, list[Run]]:
    """A backup and a compressed script, restored by Holdfast and by PostgreSQL's own tools in turn."""
    with _empty(bench.folder / "restores") as folder:
        arguments = [*HOLDFAST, "backup", f"--url={bench.source.conninfo}", f"--to={folder}"]
        run([*arguments, "--proof=complete", "--json"], _own_environment(bench))
        backup = next(folder.glob("*/*/manifest.json")).parent
        script = folder / "dump.sql.gz"
        with (
            script.open("wb") as written,
            Child(bench.pg_dump(), env=bench.source.environment(), stdout=Child.PIPE) as dump,
            Child(
                [shutil.which("gzip") or "gzip", "-1"],
                env=child_environment(),
                stdin=dump.stdout,
                stdout=written,
            ) as packing,
        ):
            packing.wait()
            dump.wait()
        custom = folder / "dump.custom"
        run(
            bench.pg_dump("--format=custom", "--compress=zstd:1", f"--file={custom}"),
            bench.source.environment(),
        )
        contestants: dict[str, Callable[[], Run]] = {
            "Holdfast, restore": lambda: restore_with_holdfast(bench, backup),
            "pg_restore -j2": lambda: restore_with_pg_restore(bench, backup / "database"),
            "Holdfast, .sql.gz": lambda: restore_with_holdfast(bench, script),
            "gunzip | psql": lambda: restore_with_gunzip(bench, script),
            "Holdfast, inspect": lambda: run(
                [*HOLDFAST, "inspect", str(custom), "--json"], _own_environment(bench)
            ),
        }
        runs: dict[str, list[Run]] = {name: [] for name in contestants}
        for number in range(rounds):
            for name, contestant in contestants.items():
                runs[name].append(contestant())
                print(f"round {number + 1}: {name} {runs[name][-1].seconds:.2f} s", flush=True)
        return runs


def measure_table_of_contents(bench: Bench, rounds: int) -> list[float]:
    """Read a table of contents of 50,000 tables with rows and a key, made by repeating the sample's own."""
    with _empty(bench.folder / "toc") as target:
        dump = target / "dump"
        run(bench.pg_dump("--format=directory", "--jobs=2", f"--file={dump}"), bench.source.environment())
        archive = read_archive(dump)
        many = target / "many"
        many.mkdir()
        write_directory_toc(archive, _many_entries(archive), many)
        return [_timed(lambda: read_archive(many)) for _ in range(rounds)]


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _many_entries(archive: Archive) -> Iterator[Entry]:
    models = [next(entry for entry in archive.entries if entry.kind == kind) for kind in _MODELS]
    for number in range(MANY_TABLES * len(models)):
        model = models[number % len(models)]
        yield replace(model, dump_id=number + 1, tag=f"{model.tag}_{number}")


def measure_start(rounds: int) -> list[float]:
    """`python -m app --version`."""
    return [run([*HOLDFAST, "--version"], dict(os.environ)).seconds for _ in range(rounds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--proofs", type=int, default=3)
    parser.add_argument("--restores", type=int, default=3)
    parser.add_argument("--scale", type=float, default=BENCHMARK_SCALE)
    parser.add_argument("--window", action="store_true", help="measure the window alone")
    parser.add_argument("--schedules", action="store_true", help="measure schedules and retention alone")
    parser.add_argument("--package", action="store_true", help="measure the built app alone")
    chosen = parser.parse_args()
    compileall.compile_dir(
        ROOT / "app", quiet=1
    )  # as it is at a user's, whatever PYTHONDONTWRITEBYTECODE says
    if chosen.schedules:
        results = _known()
        results["figures"] |= _measure_schedules()
        _keep(results)
        return
    if chosen.package:
        results = _known()
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            found = measure_package(Path(folder), chosen.rounds)
        results["figures"] |= {name: round(value, 3) for name, value in found.items()}
        _keep(results)
        return
    tool = max(
        (item for item in find_installations() if item.has_server and not item.problem),
        key=lambda item: (len(item.compression), item.version),
    )
    with running_sandbox(tool) as server, tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        results = _measure(server, Path(folder), chosen)
    _keep(results)


def _keep(results: dict[str, Any]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=2) + "\n")
    _print(results)


def _known() -> dict[str, Any]:
    """What was measured before."""
    return (
        json.loads(RESULT.read_text()) if RESULT.exists() else {"medians": {}, "figures": {}, "skipped": {}}
    )


def _measure_schedules() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        return {name: round(value, 3) for name, value in measure_schedules(Path(folder)).items()}


def _measure(server: SandboxServer, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything, or the window alone beside what was measured before."""
    source, size = _sample(server, chosen.scale)
    if chosen.window:
        results = _known()
    else:
        results = _measure_command_line(Bench(source, server, folder), size, chosen)
        results["figures"] |= _measure_schedules()
    (folder / "window").mkdir()
    window = measure_window(source, folder / "window", chosen.rounds)
    figures = results["figures"] | {name: round(value, 3) for name, value in window.figures.items()}
    return results | {"figures": figures, "window": window.details, "skipped": window.skipped}


def _sample(server: SandboxServer, scale: float) -> tuple[Connection, int]:
    """A database with the sample, and its size in bytes."""
    create_database(server, "bench")
    source = Connection(server.conninfo("bench"), server.password, inherits=False)
    begun = time.monotonic()
    load_sample(source, scale)
    with connect(source) as session:
        ((size,),) = session.execute("SELECT pg_database_size(current_database())").fetchall()
    print(f"Database of {size / 1e9:.2f} GB built in {time.monotonic() - begun:.0f} s", flush=True)
    return source, size


def _measure_command_line(bench: Bench, size: int, chosen: argparse.Namespace) -> dict[str, Any]:
    runs: dict[str, list[Run]] = {name: [] for name in CONTESTANTS}
    order = list(CONTESTANTS.items())
    for number in range(chosen.rounds):
        for name, contestant in order:
            runs[name].append(contestant(bench))
            print(f"round {number + 1}: {name} {runs[name][-1].seconds:.2f} s", flush=True)
        random.Random(number).shuffle(order)  # what runs before one of them must not always be the same
    restores = measure_restores(bench, chosen.restores)
    proofs = measure_proofs(bench, chosen.proofs)
    toc_times = measure_table_of_contents(bench, chosen.rounds)
    medians = {name: statistics.median(run.seconds for run in found) for name, found in runs.items()}
    restored = {name: statistics.median(run.seconds for run in found) for name, found in restores.items()}
    ours = medians["Holdfast, complete"]
    peak = max(run.peak for run in runs["Holdfast, complete"])
    proof = statistics.median(run.seconds for run in proofs)
    targets = {
        "Holdfast / bare pg_dump (at most 1.25)": ours / medians["pg_dump -Fd -j2 zstd:3"],
        "pgAdmin's way / Holdfast (at least 2)": medians["pg_dump -Fc (gzip, as pgAdmin)"] / ours,
        "proof / backup (at most 3)": proof / ours,
        "peak memory of a backup, MB (at most 150)": peak / 1e6,
        "peak memory of a proof, MB": max(run.peak for run in proofs) / 1e6,
        "restore / bare pg_restore (at most 1.1)": restored["Holdfast, restore"] / restored["pg_restore -j2"],
        ".sql.gz / gunzip | psql (at most 1.15)": restored["Holdfast, .sql.gz"] / restored["gunzip | psql"],
        "inspection of a custom archive, s (at most 1)": restored["Holdfast, inspect"],
        "peak memory of a restore, MB (at most 200)": max(
            run.peak for name, found in restores.items() if name.startswith("Holdfast") for run in found
        )
        / 1e6,
        f"table of contents of {MANY_TABLES:,} tables, s (at most 1.5)": statistics.median(toc_times),
        "python -m app --version, s (at most 0.3)": statistics.median(measure_start(chosen.rounds)),
    }
    return {
        "database_bytes": size,
        "rounds": chosen.rounds,
        "cores": os.cpu_count(),
        "server": str(bench.tool.version),
        "seconds": {
            name: [round(run.seconds, 3) for run in found] for name, found in (runs | restores).items()
        },
        "proof_seconds": [round(run.seconds, 3) for run in proofs],
        "medians": {name: round(value, 3) for name, value in (medians | restored).items()},
        "figures": {name: round(value, 3) for name, value in targets.items()},
    }


def _print(results: dict[str, Any]) -> None:
    for part in ("medians", "figures"):
        for name, value in results[part].items():
            print(f"{value:10.3f}  {name}")
    for name, reason in results.get("skipped", {}).items():
        print(f"   skipped  {name}: {reason}")
    print(f"Written to {RESULT}")


if __name__ == "__main__":
    main()
