"""Read-only pages about an environment, served by whoever mounts the app and says who may see what."""
