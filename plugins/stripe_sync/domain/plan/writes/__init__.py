"""Actions by resource: catalog, subscriptions, Stigg."""
