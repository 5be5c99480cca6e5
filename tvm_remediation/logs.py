"""Logging: one event, one line; JSON in production, readable in a terminal."""

import logging.config

import structlog
from structlog.typing import EventDict, Processor

# These have several lines by nature.
_TRACES = ("exception", "stack")


def on_a_line_of_its_own(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Text of others begins no line of the log and moves no cursor; JSON needs no help with that."""
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        event[name] = indented(value) if name in _TRACES else printable(value)
    return event


def indented(trace: str) -> str:
    return "\n".join(f"    {printable(line)}" for line in trace.split("\n"))


def printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def configure(options: dict) -> None:
    """Called by Django with settings.LOGGING."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    in_json: list[Processor] = [structlog.processors.JSONRenderer()]
    in_words: list[Processor] = [on_a_line_of_its_own, structlog.dev.ConsoleRenderer(colors=False)]
    last = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        *(in_json if options["json"] else in_words),
    ]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": before,
                    "processors": last,
                }
            },
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["out"], "level": options["level"]},
            "loggers": {"kombu": {"level": "WARNING"}, "celery.beat": {"level": "WARNING"}},
        }
    )
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
