"""Expected results that share no code with the pipeline: no module here imports `stripe_sync` (a contract)."""
