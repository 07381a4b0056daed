"""The kinds of errors that end a command; `cli.command_errors` prints them."""

from __future__ import annotations


class UserError(Exception):
    """What the user has to change before a command can be carried out; the exit code is USAGE.

    Each argument is a text for people, one a line: what is wrong, and what to do.
    """


class OutsideError(Exception):
    """What fails outside, a full disk or a host that does not answer; the exit code is FAILED."""
