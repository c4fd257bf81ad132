"""Where sessions are kept: one protocol, SQLite as the default behind it, one test suite that every backend passes."""
