"""Holds of drafts and stuck invoices."""
