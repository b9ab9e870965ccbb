"""JSON logs, one line per event, with the trace; never a payload."""

import logging
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

from chassis import tracing

_CHATTY: Final = ("aiokafka", "alembic", "asyncio", "sqlalchemy", "uvicorn")


def configure(*, service: str, level: str) -> None:
    """Send all logs of this process to standard output as JSON."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _adding(service),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    trace = tracing.known()
    if trace is not None:
        event["trace_id"] = trace.trace_id
    return event


def _adding(service: str) -> Processor:
    def add_service(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add_service
