"""Many cells at once: tasks, the processes that work on them, and stages of a long run."""
