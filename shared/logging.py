"""Structured logs on stdout: JSON, ids only, never addresses or contents."""

import logging

import structlog

_without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure(service: str, level: str = "info") -> None:
    """Call once, in main."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_without_locals),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING)
