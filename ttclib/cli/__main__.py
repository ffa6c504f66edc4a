"""``python -m ttclib.cli``."""

from ttclib.cli import main

if __name__ == "__main__":  # a process that is spawned imports this module once more
    main()
