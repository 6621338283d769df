"""The steps of the reconcile job."""
