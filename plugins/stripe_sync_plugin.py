from stripe_sync.orchestration.plugin import StripeSyncPlugin  # noqa: F401
