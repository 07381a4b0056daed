"""A policy as JSON, in which a campaign records the policy that it was planned with."""

from __future__ import annotations

from msgspec import DecodeError, json

from cci_migrate.policy.file import PolicyError, parse_policy
from cci_migrate.policy.settings import Policy
from cci_migrate.policy.text import policy_data


class PolicyRecordError(ValueError):
    """A record that is not a policy of this version of the tool."""


def policy_to_json(policy: Policy) -> str:
    """``policy`` as JSON. Equal policies have equal texts."""
    return json.encode(policy, order="deterministic").decode()


def policy_from_json(text: str) -> Policy:
    """The policy in the record ``text``; missing settings have their defaults.

    Raises PolicyRecordError for a record of another version of the tool, and for values that no
    policy file can have.
    """
    try:
        policy = json.decode(text, type=Policy)
        parse_policy(policy_data(policy), policy.ignore | (policy.select or frozenset()))
    except (DecodeError, UnicodeError) as error:
        raise PolicyRecordError(f"{error}: not known to this version of cci-migrate") from None
    except PolicyError as error:
        raise PolicyRecordError(str(error)) from None
    return policy
