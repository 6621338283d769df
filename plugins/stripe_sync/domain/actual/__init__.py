"""The objects of Stripe that the pipeline owns, as they are; which subscription follows which; cancellations."""
