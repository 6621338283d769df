"""Stripe's billing: arithmetic, periods, invoices and payments, written from its documentation."""
