"""Full reads of both sides into snapshots, and the links that their objects prove."""
