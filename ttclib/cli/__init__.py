"""`ttc`: thin commands over the library, one module a subject.

Exit status 0 done, 1 the work failed, 2 the request was wrong; an error is one line. A module is imported when one of
its commands is called, so that `ttc --help` is quick: what it says of each command stands in `commands.COMMANDS`.
"""

from ttclib.cli.common import cli, main

__all__ = ["cli", "main"]
