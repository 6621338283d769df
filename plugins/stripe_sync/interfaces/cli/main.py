"""``stripe-sync``: the command line.

Exit codes: 0 done and nothing left to do, 1 an error, 2 actions are planned (``plan``) or wait for a person (``apply``).
Heavy modules are imported when a command runs, so ``--help`` is quick.
"""

from __future__ import annotations

import signal
import sys

import typer

from stripe_sync.core.errors import StripeSyncError
from stripe_sync.interfaces.cli.groups import checkout, manual, reconcile, setup, usage
from stripe_sync.interfaces.cli.notices import show_settings_warnings

app = typer.Typer(
    name="stripe-sync",
    help="Keeps Stigg and Stripe in agreement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (setup, reconcile, manual, usage, checkout):
    app.add_typer(module.group)


def run() -> None:
    """Run the command line: an error that the project knows is one message on standard error and exit code 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an embedded database is stopped on the way out
    show_settings_warnings()
    try:
        result = app(standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except StripeSyncError as problem:
        print(f"stripe-sync: {problem}", file=sys.stderr)
    except typer.Abort:
        print("stripe-sync: stopped; nothing was written after this.", file=sys.stderr)
    except KeyboardInterrupt:
        print("stripe-sync: interrupted; the next run recovers unfinished writes.", file=sys.stderr)
    except typer.TyperException as problem:
        print(f"stripe-sync: {problem.format_message()}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    run()
