"""DAG factories: one module per job, with a function that creates its DAG for every environment."""
