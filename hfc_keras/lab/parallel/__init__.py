"""Many cells at once: tasks, the workers that measure them, and runs in the background."""
