"""A policy as JSON, so that a campaign is applied with the policy it was planned with."""

from __future__ import annotations

from msgspec import DecodeError, json

from cci_migrate.policy.model import Policy


class PolicyRecordError(ValueError):
    """What was recorded is not a policy of this version of the tool."""


def policy_to_json(policy: Policy) -> str:
    """``policy`` as JSON, equal policies as equal texts."""
    return json.encode(policy, order="deterministic").decode()


def policy_from_json(text: str) -> Policy:
    """The inverse of `policy_to_json`; what ``text`` does not name has its default.

    Raises PolicyRecordError for what this version of the tool does not know.
    """
    try:
        return json.decode(text, type=Policy)
    except DecodeError as error:
        raise PolicyRecordError(f"{error}: not known to this version of cci-migrate") from None
