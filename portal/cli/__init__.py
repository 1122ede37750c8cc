"""Commands, a file a group. Each module has a click group named `group`."""
