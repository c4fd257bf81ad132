"""Rules: pure functions from a session to issues, and what runs, prices and describes them."""
