"""A DAG for tests: ways of a task to Airflow's metadata database."""

from __future__ import annotations

from airflow.sdk import dag, task


@task
def database() -> dict[str, str]:
    """Return the outcome of each way to Airflow's database: session, setting, environment."""
    import os

    from airflow.configuration import conf
    from airflow.utils.session import create_session
    from sqlalchemy import text

    try:
        with create_session() as session:
            by_session = str(session.execute(text("select count(*) from dag_run")).scalar())
    except Exception as refused:
        by_session = f"{type(refused).__name__}: {refused}"
    return {
        "session": by_session,
        "setting": conf.get("database", "sql_alchemy_conn"),
        "environment": os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", ""),
    }


@dag(schedule=None)
def reach() -> None:
    database()


reach()
