"""Failures as one line on stderr and an exit code; note text never reaches either."""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from medspan.errors import ConfigError, MedspanError, UnknownNameError

__all__ = ["DONE", "FAILED", "INTERRUPTED", "SET_ASIDE", "USAGE", "complain", "reports_failures"]

DONE, FAILED, USAGE, SET_ASIDE, INTERRUPTED = 0, 1, 2, 3, 130

P = ParamSpec("P")
T = TypeVar("T")


def complain(message: str) -> None:
    """Print one line on stderr; line breaks in it become spaces."""
    print("medspan:", " ".join(message.split()), file=sys.stderr)


def reports_failures(command: Callable[P, T]) -> Callable[P, T]:
    """Turn what a command raises into one line and an exit code: 2 for wrong options, 1 for the rest."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except (ConfigError, UnknownNameError) as error:
            complain(str(error))
            code = USAGE
        except MedspanError as error:
            complain(str(error))
            code = FAILED
        except KeyboardInterrupt:
            complain("interrupted; no result was written")
            code = INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has gone; Python would complain again while closing stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = FAILED
        except OSError as error:
            complain(f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}")
            code = FAILED
        except MemoryError:
            complain("not enough memory")
            code = FAILED
        except Exception as error:
            # The message of a foreign exception may quote a note: its type and place must do.
            complain(f"internal error, please report it: {type(error).__name__} at {_place(error)}")
            code = FAILED
        raise SystemExit(code)

    return run


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    shown = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[1:]]
    return " < ".join(reversed(shown[-4:])) or "unknown place"
