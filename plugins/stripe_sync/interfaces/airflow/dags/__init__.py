"""DAG factories: a module a job, with a function that makes its DAG for every environment."""
