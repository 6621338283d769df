"""The demo: the real DAG on the sandbox, in one process, twice."""
