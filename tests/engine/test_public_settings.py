"""What is shown of settings to strangers: enough to find a mistake, and nothing of what a user typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import BackupOptions
from app.domain.project import Project
from app.domain.reminders import Command, DeadMan, Email, Reminders, Webhook
from app.domain.schedule import Conditions, Schedule
from app.engine.public_settings import masked, public_settings
from app.persistence.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)

_MARK = "Xq7"
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12).map(
    lambda text: f"{_MARK}{text}{_MARK}"
)
words = st.sampled_from(["host", "port", "user", "dbname", "password", "sslmode", "options", "sslpassword"])


@st.composite
def conninfos(draw: st.DrawFn) -> str:
    """Strings of all forms, with something secret anywhere, a keyword's name among the places."""
    one = draw(secrets)
    return draw(
        st.sampled_from(
            [
                one,
                f"{one}=1",
                f"postgresql://{one}:{one}@{one}:{one}/{one}?sslmode={one}&{one}={one}",
                f"postgresql://[{one}/x",
                f"host=db.example.org {draw(words)}='{one}'",
                f"host={one} port=5432,{one}",
            ]
        )
    )


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Settings with something secret wherever a text can stand."""

    def one() -> str:
        return draw(secrets)

    projects = tuple(
        Project(one(), draw(conninfos()), NOW, supabase=one(), api_url=f"https://{one()}/{one()}")
        for _ in range(draw(st.integers(0, 3)))
    )
    schedule = Schedule(
        one(), projects[0].name if projects else one(), one(), one(), NOW, name=one(), destination=one()
    )
    options = BackupOptions(schemas=(one(),), tables=(one(),), excluded_tables=(one(),), note=one())
    reminders = Reminders(
        email=Email(one(), 25, one(), (one(), one()), NOW, user=one()),
        command=Command((one(), one()), NOW),
        webhook=Webhook(f"https://{one()}.hooks.example.org/{one()}?{one()}", NOW),
        dead_man=DeadMan(f"https://{one()}:{one()}@ping.example.org/{one()}", NOW),
    )
    return Settings(
        destination=one(),
        projects=projects,
        language=one(),
        schedules=(schedule, Schedule("a", "b", "0 3 * * *", "UTC", NOW, options=options)),
        reminders=reminders,
        skipped_version=one(),
    )


@given(settings())
def test_nothing_that_was_typed_is_shown(made: Settings) -> None:
    assert _MARK not in json.dumps(public_settings(made), ensure_ascii=False)


@given(settings(), st.text(max_size=5))
def test_names_in_a_log_are_replaced(made: Settings, between: str) -> None:
    for project in made.projects:
        if project.name.strip() == project.name:
            text = f"Backing up {project.name}: {between} done"
            assert project.name.lower() not in masked(text, made).lower()


def test_what_helps_is_shown() -> None:
    project = Project(
        "Shop",
        "host=db.abcdefghijklmnopqrst.supabase.co port=5432 dbname=shop user=ada sslmode=verify-full "
        "sslrootcert=/home/ada/ca.crt",
        NOW,
        supabase="abcdefghijklmnopqrst",
    )
    local = Project("Wiki", "host=127.0.0.1 port=5433", NOW)
    nightly = Schedule(
        "s", "shop", "0 3 * * *", "Europe/Berlin", NOW, "Nightly", conditions=Conditions(mains_power=True)
    )
    reminders = Reminders(
        email=Email("mail.shop.example", 587, "ada@shop.example", ("bob@shop.example",), NOW, user="ada"),
        webhook=Webhook("https://hooks.example.org/T0/S3CR3T", NOW, has_token=True),
    )
    shown = public_settings(Settings(projects=(project, local), schedules=(nightly,), reminders=reminders))
    assert shown["projects"] == {
        "project-1": {
            "type": "supabase",
            "host": "name",
            "port": "5432",
            "sslmode": "verify-full",
            "with": ["sslrootcert"],
            "supabase": True,
            "api": False,
        },
        "project-2": {
            "type": "postgresql",
            "host": "IPv4, this computer",
            "port": "5433",
            "with": [],
            "supabase": False,
            "api": False,
        },
    }
    assert isinstance(shown["schedules"], list)
    (schedule,) = shown["schedules"]
    assert (schedule["project"], schedule["cron"], schedule["zone"]) == (
        "project-1",
        "0 3 * * *",
        "Europe/Berlin",
    )
    assert schedule["mains_power"] is True
    assert shown["reminders"] == {
        "email": "name, port 587, starttls, to 1, with a sign-in",
        "webhook": "https, example.org, with a token",
    }


def test_names_get_the_number_that_the_settings_show() -> None:
    first = Project("Shop", "host=db.shop.example user=ada dbname=orders", NOW)
    second = Project("Shop Archive", "host=10.0.0.7 user=postgres dbname=postgres", NOW)
    made = Settings(projects=(first, second))
    text = "Backing up Shop Archive, SHOP and Shopping: ada@db.shop.example/orders as postgres on 10.0.0.7"
    assert masked(text, made) == (
        "Backing up project-2, project-1 and Shopping: user-1@host-1/database-1 as postgres on host-2"
    )


def test_without_settings_secrets_are_taken_out_all_the_same() -> None:
    assert masked("password=hunter2 of x", None) == "password=… of x"


def test_a_channel_that_is_switched_off_is_no_secret_less() -> None:
    hook = Webhook("https://hooks.example.org/T0/S3CR3T", NOW, enabled=False)
    text = masked("asked https://hooks.example.org/T0/S3CR3T", Settings(reminders=Reminders(webhook=hook)))
    assert text == "asked …"
