"""A policy as JSON, so that a campaign is applied with the policy it was planned with."""

from __future__ import annotations

from msgspec import DecodeError, json

from cci_migrate.policy.file import PolicyError, parse_policy
from cci_migrate.policy.model import Policy
from cci_migrate.policy.text import policy_data


class PolicyRecordError(ValueError):
    """What was recorded is not a policy of this version of the tool."""


def policy_to_json(policy: Policy) -> str:
    """``policy`` as JSON, equal policies as equal texts."""
    return json.encode(policy, order="deterministic").decode()


def policy_from_json(text: str) -> Policy:
    """The inverse of `policy_to_json`; what ``text`` does not name has its default.

    Raises PolicyRecordError for what this version of the tool does not know, and for what no policy
    file may say.
    """
    try:
        policy = json.decode(text, type=Policy)
    except (DecodeError, UnicodeError) as error:
        raise PolicyRecordError(f"{error}: not known to this version of cci-migrate") from None
    try:
        parse_policy(policy_data(policy), policy.ignore | (policy.select or frozenset()))
    except PolicyError as error:
        raise PolicyRecordError(str(error)) from None
    return policy
