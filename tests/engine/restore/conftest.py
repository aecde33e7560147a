"""What the tests of plans share: entries made by hand, and the sample as pg_dump writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.engine.restore.source_facts import SourceFacts
from app.engine.sample import load_sample
from app.postgres.archive import Archive, read_archive
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer, create_database
from app.postgres.toolchain import Version
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database

MakeEntry = Callable[..., Entry]


@pytest.fixture
def entry() -> MakeEntry:
    """`entry(1, "TABLE", "public", "orders", needs=(…), owner=…)` makes one."""
    return make_entry


def make_entry(
    number: int, kind: str, schema: str, tag: str, definition: str = "", *needs: int, owner: str = ""
) -> Entry:
    """An entry with the attributes that plans look at."""
    return Entry(
        dump_id=number,
        catalog_oid=0,
        oid=0,
        tag=tag,
        kind=kind,
        section="",
        definition=definition,
        drop="",
        copy_statement=f'COPY "{schema}"."{tag}" (id) FROM stdin;\n' if kind == "TABLE DATA" else "",
        schema=schema,
        tablespace="",
        access_method="",
        relkind="",
        owner=owner,
        dependencies=needs,
        has_data=kind == "TABLE DATA",
    )


@pytest.fixture(scope="session")
def sample_files(server17: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample as `shop.dump` (custom) and `shop.sql`, with its roles dropped again."""
    folder = tmp_path_factory.mktemp("sample")
    create_database(server17, "sample_of_plans")
    connection = Connection(server17.conninfo("sample_of_plans"), server17.password, inherits=False)
    load_sample(connection, 0.01)
    for form, name in (("custom", "shop.dump"), ("plain", "shop.sql")):
        finished = run(
            [
                server17.installation.program("pg_dump"),
                f"--dbname={connection.conninfo}",
                f"--format={form}",
                f"--file={folder / name}",
            ],
            env=connection.environment(),
            timeout=60,
        )
        assert finished.status == 0, finished.errors
    with server17.connect() as session:
        session.execute("DROP DATABASE sample_of_plans WITH (FORCE)")
    return folder


@pytest.fixture
def sample(sample_files: Path) -> Archive:
    """The sample's archive."""
    return read_archive(sample_files / "shop.dump")


@pytest.fixture
def sample_facts(sample: Archive) -> SourceFacts:
    """What a plan is told of it."""
    entries = tuple(replace(one) for one in sample.entries)
    return SourceFacts("the sample", entries, encoding="UTF8", server=Version.parse(sample.server_version))


@pytest.fixture
def connected() -> Callable[[Database], Connection]:
    """`connected(database)` gives the connection as its superuser."""
    return lambda database: Connection(database.conninfo, database.server.password, inherits=False)
