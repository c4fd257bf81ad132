"""What a report may show of texts from spans."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sessionopt.report.masking import MASK, clean_text, clean_value, is_random_looking, secrets_in

SECRETS = [
    # (as sent, as shown); none of the values was ever valid
    ("password=hunter2", "password=[masked]"),
    ("PASSWORD: hunter2", "PASSWORD: [masked]"),
    ("PGPASSWORD='hunter 2' psql", "PGPASSWORD='[masked]' psql"),
    ('{"password": "hunter2"}', '{"password": "[masked]"}'),
    ('{\\"api_key\\": \\"abc123\\"}', '{\\"api_key\\": \\"[masked]\\"}'),
    ("export DB_PWD=abc", "export DB_PWD=[masked]"),
    ("aws_secret_access_key = wJalrXUtnFEMI", "aws_secret_access_key = [masked]"),
    ("client-secret:s3cr3t", "client-secret:[masked]"),
    ("GET /x?token=abc&page=2", "GET /x?token=[masked]&page=2"),
    ("--token abcd --max-tokens 5", "--token [masked] --max-tokens 5"),
    ("login --password=hunter2", "login --password=[masked]"),
    ("key=AbC123dEf456GhI7", "key=[masked]"),
    ("x-api-key: 0123456789", "x-api-key: [masked]"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer [masked]"),
    ("curl -H 'Authorization: Basic Zm9vOmJhcg==' x", "curl -H 'Authorization: Basic [masked]' x"),
    ("use bearer a1b2c3d4e5f6g7", "use bearer [masked]"),
    ("curl -u me:hunter2 http://x", "curl -u me:[masked] http://x"),
    ("sshpass -p hunter2 ssh h", "sshpass -p [masked] ssh h"),
    ("mysql -u root -phunter2 db", "mysql -u root -p[masked] db"),
    ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: [masked]"),
    ("git clone https://user:p@ss@host/x.git", "git clone https://user:[masked]@host/x.git"),
    ("https://0123456789abcdef0123@host/x", "https://[masked]@host/x"),
    ("postgres://app:pw@db:5432/x", "postgres://app:[masked]@db:5432/x"),
    ("curl https://hooks.slack.com/services/T0/B0/abc", "curl https://hooks.slack.com/services/[masked]"),
    ("id AKIA" + "ABCDEFGHIJKLMNOP", "id [masked]"),
    ("ghp_" + "a1" * 18, MASK),
    ("github_pat_" + "a1" * 20, MASK),
    ("glpat-" + "a1b2" * 5, MASK),
    ("echo sk-ant-api03-" + "a1B2" * 8, "echo [masked]"),
    ("echo sk-proj-" + "a1B2" * 8, "echo [masked]"),
    ("echo sk-" + "a1B2" * 12, "echo [masked]"),
    ("xoxb-1234567890-abcdef", MASK),
    ("AIza" + "a" * 35, MASK),
    ("sk_live_" + "a1" * 12, MASK),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x-y_z", MASK),
    ("echo '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----' > k", "echo '[masked]' > k"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE and no end", MASK),
    ("export SALT=aB3dE5gH7jK9mN1pQ3sT5vW7", "export SALT=[masked]"),
    ("DATA=aGVsbG8gd29ybGQxMjM0NTY3ODkw+/A==", "DATA=[masked]"),
]

HARMLESS = [
    "git show 3f786850e387550fdab836ed7e6dc881de23001b",
    "commit=3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "uuid=123e4567-e89b-12d3-a456-426614174000",
    "/home/dev/Projects/MyApp2/src/Components/UserProfile/Index2.tsx",
    "OUT=/home/dev/Projects/MyApp2/src/Components/UserProfile",
    "DIR=build/Release2/MyProject/Outputs/Final",
    "PWD=/home/dev OLDPWD=/tmp",
    "max_tokens=100 prompt_tokens=5 tokens: 7",
    "tokenizer=fast",
    "def login(user: User, password: str, token: Optional[str]) -> None",
    "token: AccessToken",
    "password=$DB_PASSWORD",
    "password=${{ secrets.DB }}",
    "secret = os.environ['X']",
    "api_key=None",
    "api_key: <your key>",
    "grep 'password = '",
    "password",
    "forgot password",
    "sort(key=lambda item: item.name)",
    "sort --key=2",
    "primary_key=True",
    "sk-learn-feature-extraction-pipeline",
    "docker run -u 1000:1000 image",
    "http://localhost:8080/@scope/x",
    "npm i @scope/pkg@1.2.3",
    "ssh me@host",
    "class PasswordField(CharField)",
    "rg 'Authorization' src",
    "cookie: see the docs",
    "Naïve café 日本語 👍",
    "",
]


@pytest.mark.parametrize(("sent", "shown"), SECRETS)
def test_secrets_are_masked(sent: str, shown: str) -> None:
    assert clean_text(sent) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(("sent", "_shown"), SECRETS)
def test_cleaning_twice_is_cleaning_once(sent: str, _shown: str) -> None:
    assert clean_text(clean_text(sent)) == clean_text(sent)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a\tb\r\nc", "a b  c"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]8;;http://x\x07link", "\\x1b]8;;http://x\\x07link"),
        ("a\x00b\x7f\x9b", "a\\x00b\\x7f\\x9b"),
        ("txt.\u202egpj", "txt.\\u202egpj"),
        ("\u2066x\u2069\u200b\ufeff", "\\u2066x\\u2069\\u200b\\ufeff"),
        ("line\u2028end", "line end"),
        ("no\u00a0break", "no break"),
        ("\ud800x", "\\ud800x"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(sent: str, shown: str) -> None:
    assert clean_text(sent) == shown


@pytest.mark.parametrize(("length", "shown_length", "is_cut"), [(199, 199, False), (200, 200, False), (201, 200, True)])
def test_a_text_is_cut_at_200_characters(length: int, shown_length: int, is_cut: bool) -> None:
    shown = clean_text("a" * length)

    assert len(shown) == shown_length
    assert shown.endswith("…") == is_cut


def test_a_secret_that_crosses_the_cut_is_masked_before_it_is_cut() -> None:
    shown = clean_text("x" * 190 + " password=hunter2hunter2")

    assert "hunter" not in shown


def test_a_secret_that_crosses_the_end_of_the_scan_does_not_show() -> None:
    key = "-----BEGIN PRIVATE KEY-----" + "M" * 4030 + "-----END PRIVATE KEY-----"
    shown = clean_text(key + " ghp_" + "a1" * 18)

    assert shown.startswith(MASK)
    assert "ghp_a" not in shown


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=400))
def test_any_text_becomes_one_printable_line_within_the_limit(text: str) -> None:
    shown = clean_text(text)

    assert shown.isprintable()
    assert len(shown) <= 200
    shown.encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "a.a-" * 5_000,
        "curl " * 2_000,
        "password=" * 2_000,
        "-----BEGIN PRIVATE KEY-----" * 500,
        "a://" * 3_000,
        "eyJ" * 5_000,
        '\\"' * 5_000,
        "cookie: " * 2_000,
        "authorization: " * 1_000,
        "--token " * 2_000,
        "mysql " * 2_000,
        "a=b" * 5_000,
    ],
)
def test_hostile_text_does_not_take_long(text: str) -> None:
    started = time.process_time()
    clean_text(text)

    assert time.process_time() - started < 0.2  # 8 ms at worst on the machine this was written on


def test_values_of_all_kinds_become_what_json_holds() -> None:
    shown = clean_value(
        {"n": 1, "f": float("nan"), "t": ("a", b"x"), "s": {"b", "a"}, "x": object, "none": None, 5: True}
    )

    assert shown["n"] == 1
    assert shown["f"] == "nan"
    assert shown["t"] == ["a", "b'x'"]
    assert shown["s"] == ["a", "b"]
    assert shown["none"] is None
    assert shown["5"] is True
    assert isinstance(shown["x"], str)


def test_a_value_under_a_secret_name_is_masked_whole() -> None:
    assert clean_value({"password": "two words", "path": "two words"}) == {"password": MASK, "path": "two words"}


def test_nesting_is_bounded() -> None:
    value: object = "x"
    for _ in range(50):
        value = [value]

    assert "…" in str(clean_value(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aB3dE5gH7jK9mN1pQ3sT5vW7", True),
        ("aB3dE5gH7jK9mN1pQ3sT5vW", False),  # 23 characters
        ("MyProjectOutputsFinalRelease2", False),
        ("3f786850e387550fdab836ed7e6dc881de23001b", False),
        ("aA1aA1aA1aA1aA1aA1aA1aA1", False),  # three different characters carry 1.6 bits each
    ],
)
def test_what_looks_generated(text: str, expected: bool) -> None:
    assert is_random_looking(text) is expected


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("deploy --token abc123 --env prod", {"abc123"}),
        ("curl -u me:hunter2 https://host/x", {"hunter2"}),
        ("password=abc", set()),  # too short to be told from other words
        ("make test", set()),
        ("echo hunter2 && login --password hunter2", set()),  # shows anyway
        ("", set()),
    ],
)
def test_the_words_that_masking_takes_away(text: str, secrets: set[str]) -> None:
    assert secrets_in(text) == secrets
