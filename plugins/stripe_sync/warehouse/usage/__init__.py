"""The ledger of usage, holds of drafts, and figures of usage."""
