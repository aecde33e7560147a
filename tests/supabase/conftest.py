"""What the tests of Supabase share: stand-ins of projects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.postgres.toolchain import Installation
from tests.supabase.stand_in import NewStandIn, StandIn, cache_folder, stand_ins


@pytest.fixture
def new_stand_in(installations: tuple[Installation, ...]) -> Iterator[NewStandIn]:
    """`new_stand_in()` starts a fresh project, `new_stand_in(with_user_objects=True)` one with objects."""
    with ExitStack() as stack:
        starts: dict[int, NewStandIn] = {}

        def start(*, with_user_objects: bool = False, major: int = 17) -> StandIn:
            if major not in starts:
                starts[major] = stack.enter_context(stand_ins(_server(installations, major), cache_folder()))
            return starts[major](with_user_objects=with_user_objects)

        yield start


def _server(installations: tuple[Installation, ...], major: int) -> Installation:
    for one in installations:
        if one.version.major == major and one.has_server and not one.problem:
            return one
    pytest.skip(f"no PostgreSQL {major} server here")
