"""What every experiment shares: command line, runner, results, and the record beside them."""
