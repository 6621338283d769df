"""One price and one usage quantity, followed through the modules of stripe_sync under a profiler."""
