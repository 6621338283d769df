"""The only code that imports Airflow: hooks, connection forms, tasks, the plugin."""
