"""Parts of ``survival.py``: what is killed, what it leaves, what keeping state costs."""
