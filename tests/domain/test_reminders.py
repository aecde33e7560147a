"""What is told, that it is told once, and that nothing is lost: rules alone, with a clock of our own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.due import DueState, due_slot
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.reminder_rules import (
    MOST_TRIES,
    RETRY_AFTER,
    Standing,
    doubtful,
    due_pings,
    due_reminders,
    silence,
    standing,
)
from app.domain.reminder_text import WRONG, body, facts, facts_environment, facts_json, subject, trial
from app.domain.reminders import (
    ALARMS,
    Channel,
    Command,
    DeadMan,
    Email,
    MailTls,
    Occasion,
    Problem,
    Reminder,
    Try,
    Webhook,
    address_of_site,
    problems,
)
from app.domain.schedule import Schedule

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAILY = Schedule("s1", "Shop", "30 2 * * *", "UTC", START)
SLOT = START + timedelta(hours=2, minutes=30)
EVERYTHING = tuple(Occasion)
FAILURES = tuple(one for one in ALARMS if one is not Occasion.OVERDUE)


def entry(
    at: datetime,
    result: Result = Result.SUCCEEDED,
    slot: datetime | None = SLOT,
    *,
    schedule: str = "s1",
    code: str = "refused",
    proof_failure: str = "",
    missing: bool = False,
) -> Entry:
    failed = result is Result.FAILED
    return Entry(
        f"{at:%Y%m%dT%H%M%S}-{result}",
        "Shop",
        at,
        result,
        at + MINUTE / 2,
        kind="scheduled" if schedule else "manual",
        error_code=code if failed else "",
        error_title="Nothing answers" if failed else "",
        error_detail="Key (email)=(ada@example.org) exists" if failed else "",
        proof_level=ProofLevel.PROVEN if result is Result.SUCCEEDED else None,
        proof_failure=proof_failure,
        bytes=1_234_567 if result is Result.SUCCEEDED else 0,
        schedule=schedule,
        slot=slot if schedule else None,
        missing=missing,
    )


def failures(number: int, slot: datetime = SLOT, code: str = "refused") -> list[Entry]:
    return [entry(slot + HOUR / 4 * count, Result.FAILED, slot, code=code) for count in range(number)]


class Listener:
    """A channel that takes everything, or nothing."""

    def __init__(self, wanted: Sequence[Occasion] = ALARMS, *, since: datetime = START) -> None:
        self.wanted, self.since = wanted, since
        self.tries: list[Try] = []
        self.works = True

    def tick(self, entries: Iterable[Entry], now: datetime, schedule: Schedule = DAILY) -> list[Occasion]:
        entries = list(entries)
        standings = (standing(schedule, entries, now),)
        doubts = tuple(doubtful(entries, standings))
        return self.take(due_reminders(self.wanted, self.since, standings, doubts, self.tries, now=now), now)

    def take(self, due: Iterable[Reminder], now: datetime) -> list[Occasion]:
        heard = []
        for one in due:
            made = Try(Channel.EMAIL, one.key, one.occasion, one.project, one.schedule, now, self.works)
            self.tries.append(made)
            if not self.works:
                break
            heard.append(one.occasion)
        return heard


def test_nothing_is_told_while_all_is_well() -> None:
    assert Listener().tick([entry(SLOT)], SLOT + HOUR) == []
    assert Listener().tick([], START + HOUR) == []


def test_the_first_failure_is_told_once_then_that_all_failed_then_that_it_is_well() -> None:
    heard = Listener(FAILURES)
    history = failures(1)
    assert heard.tick(history, SLOT + MINUTE) == [Occasion.FAILING]
    assert heard.tick(failures(3), SLOT + HOUR) == []
    assert heard.tick(failures(5), SLOT + 2 * HOUR) == [Occasion.FAILED]
    next_day = [*failures(5), *failures(5, SLOT + DAY)]
    assert heard.tick(next_day, SLOT + DAY + 2 * HOUR) == []
    well = [*next_day, entry(SLOT + 2 * DAY, slot=SLOT + 2 * DAY)]
    assert heard.tick(well, SLOT + 2 * DAY + HOUR) == [Occasion.RECOVERED]
    assert heard.tick(well, SLOT + 2 * DAY + 2 * HOUR) == []
    again = [*well, *failures(1, SLOT + 3 * DAY)]
    assert heard.tick(again, SLOT + 3 * DAY + HOUR) == [Occasion.FAILING]


def test_a_slot_that_failed_for_another_reason_is_told_anew() -> None:
    heard = Listener(FAILURES)
    assert heard.tick(failures(5), SLOT + 2 * HOUR) == [Occasion.FAILED]
    other = [*failures(5), *failures(5, SLOT + DAY, code="disk-full")]
    assert heard.tick(other, SLOT + DAY + 2 * HOUR) == [Occasion.FAILED]


def test_a_slot_that_the_next_one_overtook_counts_as_failed() -> None:
    hourly = replace(DAILY, cron="0 * * * *")
    first, second = START + HOUR, START + 2 * HOUR
    history = [*failures(4, first), *failures(1, second)]
    assert Listener().tick(history, second + MINUTE, hourly) == [Occasion.FAILED]


def test_a_user_who_wants_first_failures_alone_hears_of_them_late_as_well() -> None:
    assert Listener([Occasion.FAILING]).tick(failures(5), SLOT + 2 * HOUR) == [Occasion.FAILING]


def test_a_cancelled_run_is_no_failure_and_an_interrupted_one_is() -> None:
    assert Listener().tick([entry(SLOT, Result.CANCELLED)], SLOT + HOUR) == []
    assert Listener().tick([entry(SLOT, Result.INTERRUPTED)], SLOT + MINUTE) == [Occasion.FAILING]


def test_an_overdue_schedule_is_told_once_and_again_after_it_was_well() -> None:
    heard = Listener([Occasion.OVERDUE, Occasion.RECOVERED])
    late = SLOT + 2 * DAY
    tried = [*failures(5), *failures(5, SLOT + DAY), *failures(5, late)]
    assert heard.tick(tried, late + 2 * HOUR) == [Occasion.OVERDUE]
    assert heard.tick(tried, late + 3 * HOUR) == []
    by_hand = [*tried, entry(late + 4 * HOUR, schedule="")]
    assert heard.tick(by_hand, late + 5 * HOUR) == [Occasion.RECOVERED]
    later = late + 3 * DAY
    more = [*by_hand, *failures(5, later - DAY), *failures(5, later)]
    assert heard.tick(more, later + 2 * HOUR) == [Occasion.OVERDUE]


def test_a_catch_up_is_given_its_chance_before_it_is_called_overdue() -> None:
    monday = SLOT + 5 * DAY + MINUTE
    good = [entry(SLOT)]
    assert due_slot(DAILY, good, monday).state is DueState.DUE
    assert Listener().tick(good, monday) == []
    held = (standing(DAILY, good, monday, is_held=True),)
    assert [one.occasion for one in held[0].alarms] == [Occasion.OVERDUE]


def test_a_schedule_that_is_off_tells_nothing() -> None:
    off = replace(DAILY, enabled=False)
    assert Listener().tick(failures(5), SLOT + 5 * DAY, off) == []


def test_failures_before_a_schedule_was_changed_are_past() -> None:
    heard = Listener()
    assert heard.tick(failures(5), SLOT + 2 * HOUR) == [Occasion.FAILED]
    changed = replace(DAILY, since=SLOT + 3 * HOUR)
    assert heard.tick(failures(5), SLOT + 4 * HOUR, changed) == []
    tomorrow = [*failures(5), *failures(1, SLOT + DAY)]
    assert heard.tick(tomorrow, SLOT + DAY + MINUTE, changed) == [Occasion.FAILING]


def test_a_proof_that_failed_is_told_and_that_a_later_backup_is_good() -> None:
    heard = Listener()
    bad = entry(SLOT, proof_failure="TABLE DATA public.orders differs")
    assert heard.tick([bad], SLOT + HOUR) == [Occasion.PROOF_FAILED]
    assert heard.tick([bad], SLOT + 2 * HOUR) == []
    assert heard.tick([bad, entry(SLOT + DAY, slot=SLOT + DAY)], SLOT + DAY + HOUR) == [Occasion.RECOVERED]


def test_an_old_backup_that_rots_is_told_and_nothing_is_well_again_for_it() -> None:
    heard = Listener()
    history = [entry(SLOT), entry(SLOT + DAY, slot=SLOT + DAY)]
    assert heard.tick(history, SLOT + DAY + HOUR) == []
    history[0] = replace(history[0], proof_failure="a file is damaged")
    assert heard.tick(history, SLOT + DAY + 2 * HOUR) == [Occasion.PROOF_FAILED]
    assert heard.tick(history, SLOT + DAY + 3 * HOUR) == []
    gone = [replace(history[0], missing=True, id="other"), history[1]]
    assert heard.tick(gone, SLOT + DAY + 3 * HOUR) == []


def test_successes_are_told_if_asked_for_and_not_those_before() -> None:
    heard = Listener(EVERYTHING, since=SLOT + HOUR)
    assert heard.tick([entry(SLOT)], SLOT + 2 * HOUR) == []
    history = [entry(SLOT), entry(SLOT + DAY, slot=SLOT + DAY)]
    assert heard.tick(history, SLOT + DAY + HOUR) == [Occasion.SUCCEEDED]
    assert heard.tick(history, SLOT + DAY + 2 * HOUR) == []
    by_hand = [*history, entry(SLOT + DAY + 3 * HOUR, schedule="")]
    assert heard.tick(by_hand, SLOT + DAY + 4 * HOUR) == []


def test_a_recovery_says_what_a_success_would() -> None:
    heard = Listener(EVERYTHING)
    assert heard.tick(failures(1), SLOT + MINUTE) == [Occasion.FAILING]
    history = [*failures(1), entry(SLOT + HOUR)]
    assert heard.tick(history, SLOT + 2 * HOUR) == [Occasion.RECOVERED]
    assert heard.tick(history, SLOT + 3 * HOUR) == []


def test_what_could_not_be_told_is_tried_again_with_patience() -> None:
    heard = Listener()
    heard.works = False
    now = SLOT + MINUTE
    tried = []
    for _ in range(8 * 60):
        before = len(heard.tries)
        heard.tick(failures(1), now)
        if len(heard.tries) > before:
            tried.append(now)
        now += MINUTE
    gaps = [after - before for before, after in pairwise(tried)]
    assert gaps[: len(RETRY_AFTER)] == list(RETRY_AFTER)
    assert set(gaps[len(RETRY_AFTER) :]) == {HOUR}
    heard.works = True
    assert heard.tick(failures(1), now + HOUR) == [Occasion.FAILING]


def test_tries_in_vain_have_an_end_and_begin_anew_when_the_channel_is_set_anew() -> None:
    heard = Listener()
    heard.works = False
    now = SLOT + MINUTE
    for _ in range(2 * MOST_TRIES):
        heard.tick(failures(1), now)
        now += HOUR
    assert len(heard.tries) == MOST_TRIES
    assert silence(Channel.EMAIL, START, heard.tries) is not None
    assert silence(Channel.WEBHOOK, START, heard.tries) is None
    heard.works, heard.since = True, now
    assert heard.tick(failures(1), now) == [Occasion.FAILING]
    assert silence(Channel.EMAIL, START, heard.tries) is None


def test_a_clock_that_was_wrong_puts_no_reminder_off() -> None:
    heard = Listener()
    heard.works = False
    heard.tick(failures(1), SLOT + MINUTE)
    heard.tries[0] = replace(heard.tries[0], at=SLOT + 900 * DAY)
    heard.works = True
    assert heard.tick(failures(1), SLOT + 2 * MINUTE) == [Occasion.FAILING]


def test_what_is_refused_each_time_holds_up_nothing_else() -> None:
    two = [*failures(1), entry(SLOT - HOUR, proof_failure="damaged", schedule="")]
    heard = Listener()
    heard.works = False
    heard.tick(two, SLOT + MINUTE)
    refused = heard.tries[0].key
    heard.works = True
    assert heard.tick(two, SLOT + 3 * MINUTE)
    assert heard.tries[1].key != refused


def pings(
    wanted: Sequence[Occasion], standings: Sequence[Standing], tries: Sequence[Try] = ()
) -> list[Occasion]:
    found = due_pings(wanted, START, standings, (), tries, now=SLOT + DAY)
    return [one.occasion for one in found]


def test_a_dead_mans_switch_hears_of_a_success_while_all_schedules_are_well() -> None:
    wanted = DeadMan("https://example.org/1", START).occasions
    other = replace(DAILY, id="s2")
    good = standing(DAILY, [entry(SLOT)], SLOT + HOUR)
    new = standing(other, [], SLOT - HOUR)
    failing = standing(other, [replace(one, schedule="s2") for one in failures(1)], SLOT + MINUTE)
    assert pings(wanted, (good,)) == [Occasion.SUCCEEDED]
    assert pings(wanted, (good, new)) == [Occasion.SUCCEEDED]
    assert pings(wanted, (good, failing)) == []
    assert good.success is not None
    told = Try(Channel.DEAD_MAN, good.success.key, Occasion.SUCCEEDED, "Shop", "s1", SLOT + HOUR, sent=True)
    assert pings(wanted, (good,), (told,)) == []


def test_a_dead_mans_switch_hears_of_failures_if_asked_for_but_not_of_a_first_attempt() -> None:
    wanted = DeadMan("https://example.org/1", START, tells_failures=True).occasions
    assert pings(wanted, (standing(DAILY, failures(1), SLOT + MINUTE),)) == []
    assert pings(wanted, (standing(DAILY, failures(5), SLOT + 2 * HOUR),)) == [Occasion.FAILED]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fail", "good", "bad", "cancel", "manual", "nothing"]),
        st.integers(1, 200),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_no_alarm_is_told_twice_and_none_is_lost(
    steps: list[tuple[str, int, bool, int]],
) -> None:
    """Against a plain reading: each stretch without a good backup is told once, and its end once."""
    heard = Listener(EVERYTHING)
    history: list[Entry] = []
    now = SLOT
    hears_all = True
    for kind, minutes, works, ticks in steps:
        now += minutes * MINUTE
        slot = SLOT + (now - SLOT) // DAY * DAY
        history += _made(kind, now, slot)
        heard.works = works
        for _ in range(ticks):
            now += MINUTE
            heard.tick(history, now)
        hears_all = hears_all and works and ticks > 0
    heard.works = True
    now += 2 * HOUR
    heard.tick(history, now)

    told = [one for one in heard.tries if one.sent]
    keys = [one.key for one in told]
    assert len(keys) == len(set(keys)), "told twice"
    rest = due_reminders(
        EVERYTHING,
        START,
        (standing(DAILY, history, now),),
        tuple(doubtful(history, (standing(DAILY, history, now),))),
        heard.tries,
        now=now,
    )
    assert not rest, "something that is due was not told"

    since_good: list[Entry] = []
    for one in history:
        if one.result is Result.CANCELLED:
            continue
        since_good = [] if one.is_good else [*since_good, one]
    open_alarms = [one for one in told if one.schedule == "s1" and one.occasion is not Occasion.SUCCEEDED]
    is_open = bool(open_alarms) and open_alarms[-1].occasion.is_alarm
    last = standing(DAILY, history, now)
    if any(one.result is Result.FAILED for one in since_good):
        assert is_open, "it fails, and the last that was told is that it is well"
    if last.is_well and last.last_good is not None:
        assert not is_open, "it is well, and the last that was told is that it is not"
    if hears_all:
        stretches = _stretches(history)
        firsts = {one.key for one in told if one.occasion in (Occasion.FAILING, Occasion.FAILED)}
        assert len(firsts) >= stretches, "a stretch of failures was not told"
        assert sum(one.occasion is Occasion.FAILING for one in told) <= stretches


def _made(kind: str, now: datetime, slot: datetime) -> list[Entry]:
    match kind:
        case "fail":
            return [entry(now, Result.FAILED, slot)]
        case "good":
            return [entry(now, Result.SUCCEEDED, slot)]
        case "bad":
            return [entry(now, Result.SUCCEEDED, slot, proof_failure="differs")]
        case "cancel":
            return [entry(now, Result.CANCELLED, slot)]
        case "manual":
            return [entry(now, schedule="")]
        case _:
            return []


def _stretches(history: Iterable[Entry]) -> int:
    """How often it began to fail, read plainly."""
    number, is_failing = 0, False
    for one in history:
        if one.is_good:
            is_failing = False
        elif one.result is Result.FAILED and not is_failing:
            number, is_failing = number + 1, True
    return number


def everything_to_tell() -> list[Reminder]:
    late = SLOT + 3 * DAY
    tried = [*failures(5), *failures(5, SLOT + DAY), *failures(2, late)]
    bad = [entry(SLOT + HOUR, proof_failure="Key (email)=(ada@example.org)", slot=None, schedule="")]
    first = standing(DAILY, failures(1), SLOT + MINUTE / 2)
    late_one = standing(DAILY, tried, late + 17 * MINUTE)
    good = standing(DAILY, [entry(SLOT)], SLOT + HOUR)
    latest_bad = [entry(SLOT, proof_failure="differs")]
    of_schedule = standing(DAILY, latest_bad, SLOT + HOUR)
    made = [*first.alarms, *late_one.alarms, *doubtful(bad, ()), *doubtful(latest_bad, (of_schedule,))]
    assert good.success is not None
    assert good.recovery is not None
    return [*made, good.success, good.recovery, trial(SLOT)]


def test_each_is_told_in_plain_sentences_and_without_what_rows_hold() -> None:
    told = everything_to_tell()
    assert {one.occasion for one in told} == set(Occasion)
    for one in told:
        text = f"{subject(one)}\n{body(one, 'vault', UTC)}"
        assert "\n" not in subject(one)
        assert "None" not in text
        assert "Holdfast on vault" in text
        found = facts(one, "vault", SLOT)
        everything = text + facts_json(found).decode() + repr(facts_environment(found))
        assert "ada@example.org" not in everything
        assert json.loads(facts_json(found)) == found
    first = next(one for one in told if one.occasion is Occasion.FAILING)
    assert body(first, "vault", UTC).splitlines()[:3] == [
        "The backup of Shop failed on Mon 02 Mar 2026 at 02:30 UTC. Nothing answers.",
        "It is tried again on Mon 02 Mar 2026 at 02:31 UTC.",
        "There is no good backup.",
    ]


def test_names_cannot_break_out_of_their_line() -> None:
    odd = replace(
        trial(SLOT), key="x", project="Shop\r\nBcc: all@example.org\0\udce9", occasion=Occasion.FAILED
    )
    assert "\n" not in subject(odd)
    assert "\r" not in body(odd, "a\r\nb")
    assert all("\0" not in value for value in facts_environment(facts(odd, "", SLOT)).values())
    assert facts_json(facts(odd, "", SLOT)).isascii()


MAIL = Email("mail.example.org", 587, "backup@example.org", ("ada@example.org",), START)


@pytest.mark.parametrize(
    ("channel", "found"),
    [
        (MAIL, {}),
        (replace(MAIL, server="", port=0), {"server": Problem.EMPTY, "port": Problem.NOT_A_PORT}),
        (replace(MAIL, server="mail.example.org/x"), {"server": Problem.NOT_A_HOST}),
        (replace(MAIL, sender="backup"), {"sender": Problem.NOT_AN_ADDRESS}),
        (replace(MAIL, to=()), {"to": Problem.EMPTY}),
        (replace(MAIL, to=("ada@example.org", "x y@z")), {"to": Problem.NOT_AN_ADDRESS}),
        (replace(MAIL, to=("a@b\nBcc: c@d",)), {"to": Problem.NOT_AN_ADDRESS}),
        (replace(MAIL, tls=MailTls.NONE), {}),
        (replace(MAIL, tls=MailTls.NONE, user="ada"), {"tls": Problem.NEEDS_TLS}),
        (replace(MAIL, tls=MailTls.NONE, user="ada", server="127.0.0.1"), {}),
        (replace(MAIL, tls=MailTls.NONE, user="ada", server="::1"), {}),
        (Command((), START), {"argv": Problem.EMPTY}),
        (Command(("notify",), START), {}),
        (Webhook("", START), {"url": Problem.EMPTY}),
        (Webhook("example.org/hook", START), {"url": Problem.NOT_A_URL}),
        (Webhook("file:///etc/passwd", START), {"url": Problem.NOT_A_URL}),
        (Webhook("https://example.org:port/", START), {"url": Problem.NOT_A_URL}),
        (Webhook("https://[::1", START), {"url": Problem.NOT_A_URL}),
        (Webhook("https://example.org/a b", START), {"url": Problem.NOT_A_URL}),
        (Webhook("https://ada:secret@example.org/", START), {"url": Problem.HOLDS_PASSWORD}),
        (Webhook("http://example.org/", START), {}),
        (Webhook("http://example.org/", START, has_token=True), {"url": Problem.NEEDS_TLS}),
        (Webhook("http://localhost:9/", START, has_token=True), {}),
        (DeadMan("ping", START), {"url": Problem.NOT_A_URL}),
    ],
)
def test_what_is_wrong_with_a_channel_is_known_before_it_is_tried(
    channel: Email | Command | Webhook | DeadMan, found: dict[str, Problem]
) -> None:
    assert problems(channel) == found
    assert all(problem in WRONG for problem in problems(channel).values())


def test_an_address_is_shown_without_what_could_be_a_secret() -> None:
    assert address_of_site("https://hooks.example.org/T0/secret?key=1") == "https://hooks.example.org/…"
    assert address_of_site("http://localhost:8080") == "http://localhost:8080"
