"""Paths of the pages below Airflow."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf

PREFIX = "/stripe-sync"


def base_path() -> str:
    """Return the path that Airflow is served under, without a trailing slash."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
