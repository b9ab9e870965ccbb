"""JSON logs, one line per event, with the trace; never a payload."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from chassis import tracing

_CHATTY: Final = ("aiokafka", "alembic", "asyncio", "sqlalchemy", "uvicorn")
_OF_EVERY_RECORD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
)


class JsonLines(logging.Formatter):
    """A record as one JSON object: what was said, when and by whom, and its `extra`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        said = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        said |= {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": _iso(record.created),
            "service": self._service,
        }
        if (trace := tracing.known()) is not None:
            said["trace_id"] = trace.trace_id
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=repr)


def configure(*, service: str, level: str) -> None:
    """Send all logs of this process to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _iso(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
