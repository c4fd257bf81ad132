from __future__ import annotations

import pytest

from otel_sessionopt.analyzers.shell_program import shell_program


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("make", "make"),
        ("go test ./... -run X", "go test"),
        ("cd /repo && npm run build 2>&1 | tail -5", "npm run build"),
        ("CI=1 NODE_ENV=test npm run test", "npm run test"),
        ("python -m pytest tests", "python -m pytest"),
        ("/usr/bin/python3 a.py --fast", "python3 a.py"),
        ("python3 -c 'import sys'", "python3"),
        ("python3 - <<'EOF'\nprint(1)\nEOF", "python3"),
        ("sudo timeout 30 make check", "make check"),
        ("uv run pytest -q", "pytest"),
        ("docker compose -f x.yml up", "docker compose x.yml"),
        ("cd /repo", "cd"),
        ("", ""),
        ("'unclosed", ""),
        (f"grep {'x' * 100} a.py", f"grep {'x' * 60}"),
    ],
)
def test_the_program_of_a_command(command: str, program: str) -> None:
    assert shell_program(command) == program


@pytest.mark.parametrize("command", ["deploy --token abc123", "deploy --api-key abc123 prod", "deploy -p abc123"])
def test_the_value_of_a_secret_option_is_not_kept(command: str) -> None:
    assert shell_program(command) == "deploy"
