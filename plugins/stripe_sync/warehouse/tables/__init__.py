"""SQLAlchemy Core tables of the migrated schema, a module an area.

Migrations are the schema's one source; ``tests/contract/test_tables.py`` compares these tables with it. Indexes, triggers and
checks stand in the migrations alone: no statement of Core depends on them.
"""
