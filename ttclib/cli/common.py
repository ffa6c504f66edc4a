"""What the commands share: the group, common options, notices, and how an error ends."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ttclib import __version__
from ttclib.cli.commands import COMMANDS, RENAMED
from ttclib.errors import RequestError, TTCError, one_of, visible

FILE = click.Path(path_type=Path)
STORE_FLAG = click.option("--store", type=FILE, required=True, help="DuckDB file of the samples.")
STORE = (
    click.argument("store_argument", metavar="[STORE]", type=FILE, required=False),
    click.option("--store", type=FILE, help="DuckDB file of the samples; or STORE."),
)
CONFIG = click.argument("config")
SEED = click.IntRange(min=0)
_FORMS = "ttclib.forms"  # what the flags of the command that runs say of how to print
OVERRIDES = {
    "store": click.option("--store", type=FILE, help="Overrides store."),
    "n_samples": click.option("--n-samples", type=int, help="Overrides sampling.n_samples: a larger number only adds."),
    "limit": click.option("--limit", type=int, help="Overrides problems.limit."),
    "seed": click.option("--seed", type=SEED, help="Overrides sampling.seed."),
}


def as_json(says: str = "As JSON.") -> Callable[[Any], Any]:
    """The flag --json of a command, which asks `wants` for it."""
    return _form("json", says)


def as_csv(says: str = "As CSV.") -> Callable[[Any], Any]:
    """The flag --csv, in the same way."""
    return _form("csv", says)


def _form(name: str, says: str) -> Callable[[Any], Any]:
    def keep(context: click.Context, flag: click.Parameter, given: bool) -> None:
        context.meta[_FORMS] = context.meta.get(_FORMS, frozenset()) | ({name} if given else set())

    return click.option(f"--{name}", is_flag=True, expose_value=False, callback=keep, help=says)


def wants(form: str) -> bool:
    """Whether the command that runs was asked for its answer as ``json`` or ``csv``."""
    context = click.get_current_context(silent=True)
    return context is not None and form in context.meta.get(_FORMS, ())


def notify(text: str) -> None:
    """A line of what is going on, on standard error."""
    say(text, err=True)


def say(text: str, *, err: bool = False) -> None:
    """Print a line; what a terminal would obey in it, of a name that came from anybody, is shown instead."""
    click.echo(visible(text), err=err)


def print_json(value: Any, indent: int | None = 2, *, ensure_ascii: bool = True) -> None:
    """Print a value as JSON."""
    click.echo(escaped(json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)))


def escaped(text: str) -> str:
    """JSON or TOML as the same in marks that can be printed: both have an escape for what a terminal would obey."""
    return text if text.isprintable() else _NOT_ASCII.sub(_as_escape, text)


def _as_escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


_NOT_ASCII = re.compile(r"[^ -~\n]")


def store_of(choices: dict[str, Any]) -> Path:
    """The store that is meant, by argument or by flag; both are taken out of `choices`.

    Raises
    ------
    RequestError
        None, or two that differ.
    """
    argument, flag = choices.pop("store_argument", None), choices.pop("store", None)
    if argument is not None and flag is not None and argument != flag:
        raise RequestError(f"two stores, '{argument}' and '{flag}': give one")
    found: Path | None = flag or argument
    if found is None:
        raise RequestError("no store: name one, such as `--store store/demo.duckdb`")
    return found


def takes_store(command: Any) -> Any:
    """Give a command a `store`, named by argument or by flag."""

    @wraps(command)
    def with_store(**choices: Any) -> Any:
        return command(store=store_of(choices), **choices)

    for option in reversed(STORE):
        with_store = option(with_store)
    return with_store


def overridable(*names: str) -> Callable[[Any], Any]:
    """Give a command those of `OVERRIDES` that it heeds."""

    def give(command: Any) -> Any:
        for name in reversed(names):
            command = OVERRIDES[name](command)
        return command

    return give


def read_config(
    config: str,
    store: Path | None,
    n_samples: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> Any:
    """A configuration (`ttclib.config.RunConfig`) with the command line's overrides."""
    from ttclib.config import load_config

    return load_config(
        config,
        store=None if store is None else str(store),
        sampling__n_samples=n_samples,
        problems__limit=limit,
        sampling__seed=seed,
    )


class Commands(click.Group):
    """A group that lists its commands when one is unknown."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command by its name."""
        if args[0] not in RENAMED:
            one_of(args[0], self.list_commands(ctx), "command")
        return super().resolve_command(ctx, args)


class LazyCommands(Commands):
    """The group of all commands, each imported with its module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which work goes on."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command, its module imported."""
        module = COMMANDS[name][0] if name in COMMANDS else RENAMED.get(name)
        if module is not None and name not in self.commands:
            import_module(f"ttclib.cli.{module}")
        return self.commands.get(name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="A store that another process holds is waited for, 10 seconds or what TTC_WAIT_S says.",
)
@click.version_option(__version__, prog_name="ttclib")
def cli() -> None:
    """Sample once, then replay any test-time-compute strategy at any budget from the store."""


def whole_numbers(text: str, what: str) -> list[int]:
    """Whole numbers from a text with commas."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(f"{what} '{text}': give whole numbers with commas, such as 1,4,16") from None


def assignment(text: str) -> tuple[str, Any]:
    """``name=value`` with the value read as JSON, or as text where it is none."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise RequestError(f"parameter '{text}': give NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Entry point: runs a command and turns errors into one line and an exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    before = _n_writes()
    try:
        cli(prog_name="ttc", standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message().replace("\n", " "), 2)
    except TTCError as error:
        # What failed once something was written is no wrong request any more.
        _fail(str(error), 1 if _n_writes() > before else error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; what was collected is kept, the same command continues", 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a disk, a folder or a file that failed where nothing better is known of it
        where = f" '{error.filename}'" if error.filename is not None else ""
        _fail(f"cannot read or write{where}: {error.strerror or error}", 1)


def _n_writes() -> int:
    """What this process has written into stores."""
    module = sys.modules.get("ttclib.store.locks")  # a command that never came to a store has not imported it
    return 0 if module is None else int(module.n_writes())


def _interrupt(*_: object) -> None:
    """End as by Ctrl-C when a batch system asks: what was collected is taken in, engines end their processes."""
    raise KeyboardInterrupt


def _fail(text: str, status: int) -> None:
    for line in text.split("\n"):  # a configuration has all its faults told, a line each
        say(f"ttc: {line}", err=True)
    sys.exit(status)
