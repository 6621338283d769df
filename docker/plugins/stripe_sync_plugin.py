"""Plugin for Airflow in the image, where the package is installed and the plugins folder has only this file."""

from stripe_sync.interfaces.airflow.plugin import StripeSyncPlugin

__all__ = ["StripeSyncPlugin"]
