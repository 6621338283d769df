"""Messages of the command that are no errors, on standard error."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from stripe_sync.core.config.flat_settings import FlatSettingsWarning


def show_settings_warnings() -> None:
    """Show warnings about settings as messages of the command, without a place in the code; others as Python does."""
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, FlatSettingsWarning):
            print(f"stripe-sync: {message}", file=sys.stderr)
        else:
            others(message, category, *place, **more)

    warnings.showwarning = show
