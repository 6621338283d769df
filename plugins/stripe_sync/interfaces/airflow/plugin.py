"""The Airflow plugin: pages in Airflow's navigation. Importing it opens nothing and imports nothing heavy."""

from __future__ import annotations

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from stripe_sync.interfaces.airflow.paths import PREFIX, base_path


def create() -> Any:
    """Create the pages under Airflow's permissions. Raises ImportError where the auth manager's interface is missing."""
    from stripe_sync.core.config import settings
    from stripe_sync.interfaces.airflow.access import allowed, permitted
    from stripe_sync.interfaces.web.app import AppDependencies, create_app
    from stripe_sync.jobs.runtime.context import clock_from, reports_folder
    from stripe_sync.warehouse.engine import engine_of, url_from

    def folder(environment: str) -> Any:
        path = settings.environment(environment).report.path
        if not path:
            return reports_folder() / environment
        from airflow.sdk import ObjectStoragePath

        return ObjectStoragePath(path) / environment

    return create_app(
        AppDependencies(
            permitted=permitted,
            allowed=allowed,
            environments=settings.load,
            engine=lambda: engine_of(url_from(os.environ)),
            now=lambda environment: clock_from(environment, os.environ).now(),
            folder=folder,
            airflow=base_path(),
            prefix=PREFIX,
        )
    )


class StripeSyncPlugin(AirflowPlugin):
    """``Billing sync`` in Airflow's navigation."""

    name = "stripe_sync"
    external_views = [
        {
            "name": "Billing sync",
            "href": f"{base_path()}{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "billing-sync",
        }
    ]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """Return the app; Airflow reads this in the API server only."""
        return [{"app": create(), "url_prefix": PREFIX, "name": "Stripe sync"}]
