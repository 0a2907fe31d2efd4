"""`python -m medspan.apps.cli` is `medspan`."""

from medspan.apps.cli.app import main

main()
