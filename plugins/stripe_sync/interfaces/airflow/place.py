"""Where our pages are served."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf

PREFIX = "/stripe-sync"


def base_path() -> str:
    """The path that Airflow itself is served under, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
