"""Own experiments: a command line, trainings, resume, tables, figures and records."""
