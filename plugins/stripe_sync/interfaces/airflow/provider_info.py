"""Provider metadata: connection forms for Stripe and Stigg. Airflow's provider discovery reads it; it imports nothing."""

from __future__ import annotations

from typing import Any

HIDDEN = ["schema", "port", "login"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider metadata with the two connection types."""
    return {
        "package-name": "stripe-sync",
        "name": "Stripe sync",
        "description": "Keeps Stigg and Stripe in agreement.",
        "versions": ["0.1.0"],
        "connection-types": [
            {
                "connection-type": "stripe",
                "hook-name": "Stripe",
                "hook-class-name": "stripe_sync.interfaces.airflow.hooks.StripeHook",
                "ui-field-behaviour": {
                    "hidden-fields": HIDDEN,
                    "relabeling": {"password": "Restricted key", "host": "Base URL"},
                    "placeholders": {"password": "rk_live_... or rk_test_...", "host": "https://api.stripe.com"},
                },
            },
            {
                "connection-type": "stigg",
                "hook-name": "Stigg",
                "hook-class-name": "stripe_sync.interfaces.airflow.hooks.StiggHook",
                "ui-field-behaviour": {
                    "hidden-fields": HIDDEN,
                    "relabeling": {"password": "Server API key", "host": "Base URL"},
                    "placeholders": {"password": "server-...", "host": "https://api.stigg.io"},
                },
            },
        ],
    }
