"""The only code that imports Airflow: hooks, connection forms, task wrappers, the plugin."""
