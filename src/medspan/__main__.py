"""`python -m medspan` is `medspan`: for launchers that start Python modules."""

from medspan.apps.cli import main

if __name__ == "__main__":
    main()
