"""`python -m otel_sessionopt` is the same command as `sessionoptimizer`."""

from __future__ import annotations

from otel_sessionopt.cli.main import main

if __name__ == "__main__":
    main()
