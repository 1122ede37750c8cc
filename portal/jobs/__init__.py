"""Work that no request waits for: huey, its tasks, the schedule."""
