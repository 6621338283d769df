"""The cancellation of a subscription, from what is noted before the call to what follows it."""
