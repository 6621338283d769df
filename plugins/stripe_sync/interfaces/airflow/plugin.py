"""What Airflow loads from the plugins folder. It opens nothing and imports nothing heavy: the pages are made when asked for."""

from __future__ import annotations

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from stripe_sync.interfaces.airflow.place import PREFIX, base_path


def create() -> Any:
    """The pages, under Airflow's permissions. Raises what is missing: without the guards there are no pages."""
    from stripe_sync.core.config import settings
    from stripe_sync.interfaces.airflow.access import allowed, permitted
    from stripe_sync.interfaces.web.app import House, create_app
    from stripe_sync.jobs.runtime.context import clock_from, reports_folder
    from stripe_sync.warehouse.engine import engine_of, url_from

    def folder(environment: str) -> Any:
        path = settings.environment(environment).report.path
        if not path:
            return reports_folder() / environment
        from airflow.sdk import ObjectStoragePath

        return ObjectStoragePath(path) / environment

    return create_app(
        House(
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
        """Made in the API server alone."""
        return [{"app": create(), "url_prefix": PREFIX, "name": "Stripe sync"}]
