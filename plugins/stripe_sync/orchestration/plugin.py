"""What Airflow loads from the plugins folder. It opens nothing and imports nothing heavy."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class StripeSyncPlugin(AirflowPlugin):
    """The project's name among Airflow's plugins; its pages come here."""

    name = "stripe_sync"
