"""The command line, `medspan`."""

from medspan.apps.cli.app import app, main

__all__ = ["app", "main"]
