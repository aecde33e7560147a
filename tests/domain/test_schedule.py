from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.domain.retention import RetentionRules
from app.domain.schedule import Every, Preset, Schedule, Sentence, check_cron, sentence

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
DAILY = Schedule("s1", "Shop", "30 2 * * *", "Europe/Berlin", NOW)


def test_a_schedule_that_can_run_is_accepted() -> None:
    DAILY.check()
    replace(DAILY, destination="/mnt/vault", jitter_seconds=3600, zone="UTC", paused_until=NOW).check()
    replace(DAILY, destination="D:\\Backups", cron="0 3 L * *").check()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"id": ""}, "id", "empty"),
        ({"project": "  "}, "project", "empty"),
        ({"zone": "Europe/Berlim"}, "zone", "“Europe/Berlim”"),
        ({"zone": ""}, "zone", "no time zone"),
        ({"zone": "../../etc/passwd"}, "zone", "no time zone"),
        ({"zone": "Europe"}, "zone", "no time zone"),
        ({"cron": "daily"}, "cron", "five fields"),
        ({"cron": "0 30 2 * * *"}, "cron", "five fields"),
        ({"cron": "60 2 * * *"}, "cron", "“60” is no minute"),
        ({"cron": "0 25 * * *"}, "cron", "“25” is no hour"),
        ({"cron": "0 2 32 * *"}, "cron", "“32” is no day of the month"),
        ({"cron": "0 2 * 13 *"}, "cron", "“13” is no month"),
        ({"cron": "0 2 * * 8"}, "cron", "“8” is no day of the week"),
        ({"cron": "*/0 2 * * *"}, "cron", "“*/0” is no minute"),
        ({"cron": "0 2 30 2 *"}, "cron", "“30” is no day of the month"),
        ({"jitter_seconds": -1}, "jitter_seconds", "-1"),
        ({"jitter_seconds": 3601}, "jitter_seconds", "3601"),
        ({"destination": "backups"}, "destination", "“backups”"),
        ({"retention": RetentionRules(daily=-1)}, "retention.daily", "-1"),
        ({"paused_until": datetime(2026, 1, 1)}, "paused_until", "no time zone"),
    ],
)
def test_wrong_input_names_its_field(changes: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(AppError) as caught:
        replace(DAILY, **changes).check()  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.title.startswith(f"{field}: ")
    assert words in caught.value.title


def test_a_bad_field_says_what_is_allowed() -> None:
    with pytest.raises(AppError) as caught:
        check_cron("0 25 * * *", "UTC", NOW)
    assert caught.value.hint.startswith("Hours go from 0 to 23. ")


@given(cron=st.text(st.sampled_from("0123456789*/,-#L W?MONab"), max_size=30))
def test_any_text_is_a_cron_expression_or_an_app_error(cron: str) -> None:
    with suppress(AppError):
        check_cron(cron, "Europe/Berlin", NOW)


@given(
    cron=st.lists(
        st.one_of(
            st.just("*"),
            st.integers(0, 99).map(str),
            st.text(st.sampled_from("0123456789*/,-#LWSUN"), min_size=1, max_size=6),
        ),
        min_size=5,
        max_size=5,
    ).map(" ".join)
)
def test_any_five_fields_are_a_cron_expression_or_an_app_error(cron: str) -> None:
    with suppress(AppError):
        check_cron(cron, "America/Santiago", NOW)


@pytest.mark.parametrize(
    ("preset", "cron"),
    [
        (Preset(Every.HOUR, 5), "5 * * * *"),
        (Preset(Every.DAY, 30, 2), "30 2 * * *"),
        (Preset(Every.WEEK, 0, 23, weekday=3), "0 23 * * 3"),
        (Preset(Every.MONTH, 30, 2, day=28), "30 2 28 * *"),
        (Preset(Every.MONTH, 30, 2, day=0), "30 2 L * *"),
    ],
)
def test_presets_compile_to_cron_and_back(preset: Preset, cron: str) -> None:
    assert preset.cron == cron
    assert Preset.of(cron) == preset
    check_cron(cron, "UTC", NOW)


@given(
    preset=st.builds(
        Preset,
        every=st.sampled_from(Every),
        minute=st.integers(0, 59),
        hour=st.integers(0, 23),
        weekday=st.integers(0, 6),
        day=st.integers(0, 28),
    )
)
def test_any_preset_comes_back(preset: Preset) -> None:
    again = Preset.of(preset.cron)
    assert again is not None
    assert again.cron == preset.cron


def test_names_of_days_and_sunday_as_seven_are_read_too() -> None:
    assert Preset.of("0 1 * * mon") == Preset(Every.WEEK, 0, 1, weekday=1)
    assert Preset.of("0 1 * * 7") == Preset(Every.WEEK, 0, 1, weekday=0)


@pytest.mark.parametrize(
    "cron",
    ["", "* * * * *", "*/5 * * * *", "0 2 31 * *", "0 2 * 1 *", "0 2 1 * 1", "0 1,2 * * *"],
)
def test_what_is_no_preset_is_said_by_the_expression_alone(cron: str) -> None:
    assert Preset.of(cron) is None


@pytest.mark.parametrize("changes", [{"minute": 60}, {"hour": -1}, {"weekday": 7}, {"day": 29}])
def test_a_preset_with_a_number_that_does_not_exist_names_it(changes: dict[str, int]) -> None:
    with pytest.raises(AppError) as caught:
        _ = replace(Preset(Every.MONTH), **changes).cron  # type: ignore[arg-type]
    assert caught.value.title.startswith(next(iter(changes)))


def test_the_sentence_is_told_as_values() -> None:
    rules = RetentionRules(daily=7)
    assert sentence(replace(DAILY, retention=rules)) == Sentence(
        Preset(Every.DAY, 30, 2), "30 2 * * *", "Europe/Berlin", rules
    )
    assert sentence(replace(DAILY, cron="*/5 1 * * *")).preset is None


def test_other_times_and_switching_on_begin_anew_and_nothing_else_does() -> None:
    later = NOW + timedelta(days=1)
    off = replace(DAILY, enabled=False)
    for new, old, since in (
        (replace(DAILY, cron="0 3 * * *"), DAILY, later),
        (replace(DAILY, zone="UTC"), DAILY, later),
        (DAILY, off, later),
        (off, DAILY, NOW),
        (replace(DAILY, name="x", destination="/x", since=later), DAILY, NOW),
    ):
        assert new.revised(old, later).since == since
