"""Results of steps, a module a job. They stand below the jobs, so that a job may read the result of another."""
