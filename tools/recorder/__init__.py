"""Records the behaviour of a commit, and compares it with that of another: requests, ledger, journal, drift, statuses.

``python -m tools.recorder record FOLDER`` plays the demo, twelve stories and fifty generated worlds of this tree and
writes one file a world. ``python -m tools.recorder compare BEFORE AFTER --map FILE`` compares two such folders.
The recorder knows neither modules nor tables of the pipeline: it sees the sandbox's request log and the database's
catalog, so a commit that moves both is compared with one that did not, after a written map of renames. Pools of threads
have one thread while it records, so two recordings of one commit are equal.
"""
