"""Where CircleCI's API is."""

from __future__ import annotations

from urllib.parse import urlsplit

CLOUD = "https://circleci.com/api/v2"


def api_root(text: str) -> str:
    """The root of the API at ``text``, a host or an address with or without a path.

    CircleCI Server has it on its own host
    (https://circleci.com/docs/guides/toolkit/api-developers-guide/).
    """
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"https://{text}"
    return text if urlsplit(text).path else f"{text}/api/v2"
