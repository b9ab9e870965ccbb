"""Reading a small JSON document from a file or over https, without blocking the loop."""

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LARGEST_DOCUMENT: Final = 256 * 1024
TIMEOUT_SECONDS: Final = 5.0


async def fetch_json(url: str) -> Any:
    """The parsed document. Raises OSError or ValueError."""
    # A thread, for one read in five minutes: not worth an HTTP client in every service.
    return await asyncio.to_thread(_fetch, url)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        # A key set must come from where the settings say, not from where that points to.
        return None


def _fetch(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme == "file":
        body = Path(parts.path).read_bytes()
    elif parts.scheme == "https":
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(LARGEST_DOCUMENT + 1)
    else:
        raise ValueError("keys are read from file:// or https:// only")
    if len(body) > LARGEST_DOCUMENT:
        raise ValueError("the document is too large")
    return json.loads(body)
