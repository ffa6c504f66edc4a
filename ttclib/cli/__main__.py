"""``python -m ttclib.cli``."""

from ttclib.cli import main

main()
