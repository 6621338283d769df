from stripe_sync.interfaces.airflow.plugin import StripeSyncPlugin as StripeSyncPlugin
