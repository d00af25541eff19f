"""Claims, what they are made of, their verdicts and the ledger."""
