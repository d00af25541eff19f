"""The order in which the trainings behind all results are made."""
