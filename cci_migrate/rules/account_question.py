"""Asks which of several accounts of a registry a pull is to use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from typing_extensions import assert_never

from cci_migrate.assessing.account_wording import account_uses, several_accounts, which_account
from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.credential_values import values_of, variables_of
from cci_migrate.assessing.image_states import Contested, Proposed
from cci_migrate.findings import Choice, Fix, NoFix, Question, Remedy


def remedy_with(
    proposed: Proposed | Contested | None,
    host: str,
    fix_with: Callable[[Proposed | Account], Fix | NoFix],
    otherwise: NoFix,
) -> Remedy:
    """The fix with the credential that is ``proposed`` for pulls from ``host``, or a question.

    ``otherwise``: nothing is proposed.
    """
    match proposed:
        case Proposed():
            return fix_with(proposed)
        case Contested(accounts):
            return account_question(host, accounts, fix_with)
        case None:
            return otherwise
        case _:
            assert_never(proposed)


def account_question(
    host: str, accounts: Sequence[Account], fix_with: Callable[[Account], Fix | NoFix]
) -> Remedy:
    """Ask which of ``accounts`` pulls from ``host`` use; ``fix_with`` makes the fix of each answer.

    `NoFix` if no answer could be right, as jobs of several accounts share a definition, or if none
    could be carried out.
    """
    reason, instead = several_accounts(accounts), which_account(host, accounts)
    if not all(account.evidence for account in accounts):
        return NoFix(reason, instead)
    choices = [
        Choice(key, account_uses([account]), "The pull uses this account.", fix_with(account))
        for key, account in _by_key(accounts)
    ]
    if not any(isinstance(choice.remedy, Fix) for choice in choices):
        return NoFix(reason, instead)
    leave = Choice.leave("The pull stays without credentials.", instead)
    return Question(f"{reason}; {instead}", (*choices, leave))


def _by_key(accounts: Sequence[Account]) -> Iterator[tuple[str, Account]]:
    """``accounts`` with their keys in an answers file, made of their variables or values."""
    seen: set[str] = set()
    for account in accounts:
        names = variables_of(account.credential) or values_of(account.credential).values()
        key = "-".join(names).lower()
        while key in seen:
            key += "-other"
        seen.add(key)
        yield key, account
