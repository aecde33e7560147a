"""Names of projects, and secrets that keep themselves."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.project import Secret, folder_name


@given(st.text())
@example("..")
@example("con")
@example("COM1.txt")
@example("a/b\\c:d")
@example("ä" * 200)
@example(" . ")
@example("x" * 119 + " long")
def test_a_folder_name_is_one_name_on_every_file_system(project: str) -> None:
    name = folder_name(project)
    assert name
    assert Path(name).name == name
    assert name not in (".", "..")
    assert not set(name) & set('<>:"/\\|?*\0')
    assert len(name.encode("utf-8", "surrogatepass")) <= 121
    assert not name.endswith((".", " "))


def test_a_plain_name_stays_as_it_is() -> None:
    assert folder_name("Shop (EU) – größe") == "Shop (EU) – größe"


@given(st.text(min_size=1))
def test_a_secret_never_prints_itself(text: str) -> None:
    secret = Secret(text)
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(***)"
    assert secret.reveal() == text
    assert secret == Secret(text)
    assert hash(secret) == hash(Secret(text))
