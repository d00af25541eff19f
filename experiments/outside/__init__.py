"""Networks and tables that others published: their files, what they must say, what is measured."""
