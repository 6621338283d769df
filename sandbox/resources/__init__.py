"""What each side's API does with its objects, a module a kind of object."""
