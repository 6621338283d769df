"""One function a station of the way of the data; a DAG task and a CLI command are each one call of one of them."""
