"""The only code that talks to the database: snapshots, drift, plans, journal, links, status, leases, budget."""
