"""Logs for `-v`: structured lines on stderr, with ids and counts and never note text."""

import logging
import sys

__all__ = ["log_to_stderr", "silence"]


def silence() -> None:
    """Keep the library's log lines from Python's last-resort handler."""
    _install(logging.NullHandler(), logging.NOTSET)


def log_to_stderr() -> None:
    """Show the library's log as structured lines on stderr."""
    import structlog

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.KeyValueRenderer(key_order=["time", "level", "logger", "event"]),
            ],
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", key="time"),
            ],
        )
    )
    _install(handler, logging.INFO)


def _install(handler: logging.Handler, level: int) -> None:
    """Put the one handler in place of an earlier call's, whose stream may be closed."""
    logger = logging.getLogger("medspan")
    logger.handlers = [handler]
    logger.setLevel(level)
