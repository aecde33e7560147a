"""Puts into words what a reminder is about, how it goes, and what is wrong with a field of it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.domain.reminders import Channel, Occasion, Problem

translate = QCoreApplication.translate


def channel_name(channel: Channel) -> str:
    """A word or two for a button."""
    return {
        Channel.EMAIL: translate("reminders", "E-Mail"),
        Channel.COMMAND: translate("reminders", "Command"),
        Channel.WEBHOOK: translate("reminders", "Webhook"),
        Channel.DEAD_MAN: translate("reminders", "Dead-Man URL"),
    }[channel]


def channel_purpose(channel: Channel) -> str:
    """What it is, in a sentence or two; empty where its name says all."""
    return {
        Channel.EMAIL: "",
        Channel.COMMAND: translate(
            "reminders",
            "Runs a program without a shell. It is told in variables that begin with HOLDFAST_, and as JSON "
            "on standard input.",
        ),
        Channel.WEBHOOK: translate("reminders", "Posts JSON to an address, a chat service’s for example."),
        Channel.DEAD_MAN: translate(
            "reminders",
            "Asks for an address after each scheduled backup while all schedules are well. The service there "
            "raises the alarm when that stops, even if this computer is gone.",
        ),
    }[channel]


def occasion_words(occasion: Occasion) -> str:
    """What is told, beside a check box."""
    return {
        Occasion.FAILING: translate("reminders", "A first attempt failed"),
        Occasion.FAILED: translate("reminders", "All attempts failed"),
        Occasion.PROOF_FAILED: translate("reminders", "A backup is not good"),
        Occasion.OVERDUE: translate("reminders", "A backup is overdue"),
        Occasion.RECOVERED: translate("reminders", "All is well again"),
        Occasion.SUCCEEDED: translate("reminders", "A backup is done"),
    }[occasion]


def problem_words(problem: Problem) -> str:
    """What is wrong with a field, as a sentence."""
    return {
        Problem.EMPTY: translate("reminders", "This is needed."),
        Problem.NOT_A_HOST: translate("reminders", "That is no name of a server."),
        Problem.NOT_A_PORT: translate("reminders", "Ports go from 1 to 65535."),
        Problem.NOT_AN_ADDRESS: translate("reminders", "That is no e-mail address."),
        Problem.NOT_A_URL: translate(
            "reminders", "Give a whole address that begins with https:// or http://."
        ),
        Problem.HOLDS_PASSWORD: translate(
            "reminders", "It holds a user or password, which would be kept in plain text."
        ),
        Problem.NEEDS_TLS: translate(
            "reminders", "A password or token would go over the network in the open."
        ),
    }[problem]
