"""Hands the plugin to Airflow: in the image the package is installed, and only this line stands in the plugins folder."""

from stripe_sync.interfaces.airflow.plugin import StripeSyncPlugin

__all__ = ["StripeSyncPlugin"]
