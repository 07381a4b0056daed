"""A library that logs what happens, as many do."""

from __future__ import annotations

import logging
from typing import Any

import requests


def make_noisy() -> None:
    """Have each request logged as a warning, by a library that sets up no handler."""
    original = requests.Session.request

    def request(session: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        logging.getLogger("noisy").warning("Retrying (Retry(total=1)) after connection broken")
        return original(session, *arguments, **options)

    requests.Session.request = request  # type: ignore[method-assign,assignment]
