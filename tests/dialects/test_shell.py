from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.digest import END_LINE, FileAccess, ToolKind
from otel_sessionopt.dialects.shell import MAX_COMMAND_CHARS, parse_command

READ, SEARCH, WRITE, SHELL = ToolKind.READ, ToolKind.SEARCH, ToolKind.WRITE, ToolKind.SHELL
Lines = tuple[str, int | None, int | None]


def read(path: str, first: int | None = None, last: int | None = None) -> FileAccess:
    return FileAccess(path, False, first, last)


def written(path: str) -> FileAccess:
    return FileAccess(path, True)


READS: list[tuple[str, list[FileAccess]]] = [
    ("cat a.py", [read("/w/a.py")]),
    ("cat ./src/../a.py /etc/hosts", [read("/w/a.py"), read("/etc/hosts")]),
    ("cat 'my file.txt'", [read("/w/my file.txt")]),
    ("cat < a.py", [read("/w/a.py")]),
    ("bat -r 10:20 a.py", [read("/w/a.py", 10, 20)]),
    ("nl -ba a.py", [read("/w/a.py")]),
    ("head a.py", [read("/w/a.py", None, 10)]),
    ("head -50 a.py", [read("/w/a.py", None, 50)]),
    ("head -n 5 a.py b.py", [read("/w/a.py", None, 5), read("/w/b.py", None, 5)]),
    ("head --lines=7 a.py", [read("/w/a.py", None, 7)]),
    ("tail -n +30 a.py", [read("/w/a.py", 30, None)]),
    ("tail -20 a.py", [read("/w/a.py", END_LINE - 20, None)]),
    ("sed -n '1,220p' STRATEGY.md", [read("/w/STRATEGY.md", 1, 220)]),
    ("sed -n 5p a.py", [read("/w/a.py", 5, 5)]),
    ("sed -n '10,$p' a.py", [read("/w/a.py", 10, None)]),
    ("sed -n '1,20p;40,50p' a.py", [read("/w/a.py", 1, 20), read("/w/a.py", 40, 50)]),
    ("sed -n -e '1,5p' -e '9p' a.py", [read("/w/a.py", 1, 5), read("/w/a.py", 9, 9)]),
    ("sed '30q' a.py", [read("/w/a.py", None, 30)]),
    ("sed '10,20!d' a.py", [read("/w/a.py", 10, 20)]),
    ("sed '1,9d' a.py", [read("/w/a.py", 10, None)]),
    ("sed 's/a/b/' a.py", [read("/w/a.py")]),
    ("awk 'NR>=10 && NR<=20' a.py", [read("/w/a.py", 10, 20)]),
    ("awk 'NR==3,NR==7 {print NR\": \"$0}' a.py", [read("/w/a.py", 3, 7)]),
    ("cat a.py | head -50", [read("/w/a.py", None, 50)]),
    ("nl -ba a.py | sed -n '150,175p'", [read("/w/a.py", 150, 175)]),
    ("sed -n '100,200p' a.py | head -20", [read("/w/a.py", 100, 119)]),
    ("sed -n '100,200p' a.py | tail -5", [read("/w/a.py", 196, 200)]),
    ("cat a.py | tail -n +10 | head -20", [read("/w/a.py", 10, 29)]),
    ("cat a.py | cat", [read("/w/a.py")]),
    ("cd sub && cat a.py", [read("/w/sub/a.py")]),
    ("(cd sub && cat a.py); cat b.py", [read("/w/sub/a.py"), read("/w/b.py")]),
    ("echo '== a ==' && cat a.py 2>/dev/null", [read("/w/a.py")]),
    ("LC_ALL=C cat a.py", [read("/w/a.py")]),
    ("timeout 5 cat a.py", [read("/w/a.py")]),
    ("sudo -u root cat /etc/shadow", [read("/etc/shadow")]),
    ("bash -lc 'cd sub && cat a.py'", [read("/w/sub/a.py")]),
    ("rtk cat a.py", [read("/w/a.py")]),
    ("for f in a.py b.py; do echo $f; sed -n '1,80p' \"$f\"; done", [read("/w/a.py", 1, 80), read("/w/b.py", 1, 80)]),
    ("cat D:/x/a.go", [read("D:\\x\\a.go")]),
    ("cat ~/notes.md", [read("~/notes.md")]),
    ("sed -n '120,320p' t.ts; sed -n '320,560p' t.ts", [read("/w/t.ts", 120, 320), read("/w/t.ts", 320, 560)]),
    ("Get-Content src\\a.go -TotalCount 20", [read("/w/src\\a.go", 1, 20)]),
    ("Get-Content C:\\x\\a.go | Select-Object -Skip 128 -First 16", [read("C:\\x\\a.go", 129, 144)]),
]


@pytest.mark.parametrize(("command", "accesses"), READS)
def test_commands_that_only_read(command: str, accesses: list[FileAccess]) -> None:
    reading = parse_command(command, "/w")

    assert (reading.kind, list(reading.accesses), reading.may_write) == (READ, accesses, False)


SEARCHES: list[tuple[str, str | None, str]] = [
    ("rg -n 'foo bar' src", "foo bar", "rg -n -- /w/src"),
    ("rg foo", "foo", "rg -- /w"),
    ("rg -g '!node_modules' -n foo docs packages", "foo", "rg -g=!node_modules -n -- /w/docs /w/packages"),
    ("grep -rn \"TODO\" --include='*.go' .", "TODO", "grep --include=*.go -n -r -- /w"),
    ("grep -n -r TODO .", "TODO", "grep -n -r -- /w"),
    ("grep -A 10 -e one -e two a.py", "one|two", "grep -A=10 -- /w/a.py"),
    ("grep -A10 one a.py", "one", "grep -A=10 -- /w/a.py"),
    ("git grep -n foo -- src", "foo", "git grep -n -- /w/src"),
    ("git -C /other grep foo", "foo", "git grep -- /other"),
    ("find src -name '*.go' -type f", "*.go", "find -name -type=f -- /w/src"),
    ("fd -e py test", "test", "fd -e=py -- /w"),
    ("ls -la src", None, "ls -a -l -- /w/src"),
    ("ls", None, "ls -- /w"),
    ("tree -L 2", None, "tree -L=2 -- /w"),
    ("rg --files -g '*.md'", "*.md", "rg --files -g=*.md -- /w"),
    ("cat package.json | grep -A 5 scripts", "scripts", "grep -A=5 -- /w/package.json:None-None"),
    ("cd D:/repo && grep -c foo a.go", "foo", "grep -c -- D:\\repo\\a.go"),
    ("sed -n '/start/,/end/p' a.py", "/start/,/end/p", "sed -n -- /w/a.py"),
    ("awk '/foo/ {print $2}' a.py", "/foo/ {print $2}", "awk -- /w/a.py"),
    ("find . -name '*.py' | xargs grep -l foo", "foo", "find -name -- /w *.py | grep -l foo"),
    ("Select-String -Pattern foo -Path a.go", "foo", "select-string -path=a.go -- /w/a.go"),
    ("Get-ChildItem -Recurse -Filter *.go", "*.go", "get-childitem -recurse -- /w"),
]


@pytest.mark.parametrize(("command", "query", "scope"), SEARCHES)
def test_commands_that_only_search(command: str, query: str | None, scope: str) -> None:
    reading = parse_command(command, "/w")

    assert (reading.kind, reading.query, reading.scope) == (SEARCH, query, scope)
    assert (reading.accesses, reading.may_write) == ((), False)


def test_limits_and_further_filters_are_part_of_what_was_searched() -> None:
    scopes = {
        parse_command(command, "/w").scope
        for command in ("rg foo", "rg foo | head -20", "rg foo | head -50", "rg foo | grep -v bar", "rg foo | wc -l")
    }

    assert len(scopes) == 5


def test_the_order_of_options_does_not_matter() -> None:
    assert parse_command("rg -n -i foo", "/w").scope == parse_command("rg -i -n foo", "/w").scope


WRITES: list[tuple[str, list[FileAccess], bool]] = [
    ("cat > a.py <<'EOF'\nit's (not) \"closed\nEOF", [written("/w/a.py")], False),
    ("echo x >> log.txt", [written("/w/log.txt")], False),
    ("cat a.py > b.py", [written("/w/b.py")], False),
    ("sed -i 's/a/b/' a.py", [written("/w/a.py")], False),
    ("sed -i '' -e 's/a/b/' a.ts b.ts", [written("/w/a.ts"), written("/w/b.ts")], False),
    ("echo x | tee a.txt", [written("/w/a.txt")], False),
    ("rm a.py", [written("/w/a.py")], False),
    ("rm -rf build", [written("/w/build")], True),
    ("mv a.py b.py", [written("/w/a.py"), written("/w/b.py")], False),
    ("cp a.py b.py", [written("/w/b.py")], False),
    ("cp -r src dst", [written("/w/dst")], True),
    ("mv a.py b.py dir/", [written("/w/a.py"), written("/w/b.py"), written("/w/dir")], True),
    ("touch a.py && mkdir -p x", [written("/w/a.py")], False),
    ("sed -i 's/a/b/' *.ts", [], True),
    (
        "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** End Patch\nEOF",
        [written("/w/a.py")],
        False,
    ),
    ("Set-Content -Path a.go -Value x", [written("/w/a.go")], False),
]


@pytest.mark.parametrize(("command", "accesses", "may_write"), WRITES)
def test_commands_that_only_write(command: str, accesses: list[FileAccess], may_write: bool) -> None:
    reading = parse_command(command, "/w")

    assert (reading.kind, list(reading.accesses), reading.may_write) == (WRITE, accesses, may_write)


@pytest.mark.parametrize(
    "command",
    [
        "git status",
        "git status --short && git diff --stat",
        "git -C /repo log --oneline -5",
        "git --no-pager show HEAD",
        "git stash list",
        "git fetch origin",
        "git push -u origin main",
        "go test ./... 2>&1 | tail -5",
        "go vet ./... && gofmt -l .",
        "pytest -q tests",
        "python -m pytest tests/x.py",
        "uv run --with x pytest -q",
        "npm test",
        "npm run build 2>&1 | tail -3",
        "mise run test:ci",
        "bun test --watch",
        "make test",
        "npx tsc --noEmit",
        "pnpm --filter web exec tsc --noEmit",
        "eslint src",
        "ruff check .",
        "black --check .",
        "prettier --check src",
        "cargo clippy",
        "npm view react version",
        "gh pr view 12 --json title",
        "gh api repos/x/y --jq .name",
        "docker compose ps",
        "kubectl get pods",
        "curl -s http://localhost:8080/health",
        "pwd",
        "cd src",
        "echo done",
        "date",
        "wc -l a.py",
        "jq .name package.json",
        "diff a.py b.py",
        "which node",
        "export A=1",
        "cat a.py | wc -l",
        "tail -f log.txt",
        "ls src && cat a.py",
        "node --version",
        "some-tool --help",
        "kill 123",
    ],
)
def test_commands_that_leave_files_alone(command: str) -> None:
    reading = parse_command(command, "/w")

    assert (reading.kind, reading.may_write) == (SHELL, False)
    assert not any(access.is_write for access in reading.accesses)


@pytest.mark.parametrize(
    "command",
    [
        "./deploy.sh",
        "python script.py",
        'python -c "open(1)"',
        "node -e 'x()'",
        "bash run.sh",
        "git checkout main",
        "git checkout -- a.py",
        "git apply x.patch",
        "git stash",
        "git reset --hard",
        "git pull",
        "git merge main",
        "git rebase main",
        "git restore a.py",
        "git commit -m x",  # hooks may reformat
        "npm install",
        "npm run lint",  # says nothing about what it does
        "npm run test:fix",
        "mise run fmt",
        "eslint --fix src",
        "gofmt -w .",
        "prettier --write src",
        "black .",
        "ruff format .",
        "ruff check --fix .",
        "jest -u",
        "find . -name '*.pyc' -delete",
        "find . -name '*.py' -exec sed -i s/a/b/ {} +",
        "rg -l foo | xargs sed -i s/a/b/",
        "curl -o a.zip http://x",
        "gh pr checkout 12",
        "docker run -v .:/w image",
        "cat 'unclosed",
        "echo $(rm a.py)",
        "$TOOL run",
        "eval x && cat a.py",
        "make",
        "ssh host ls",
        'cat > "$OUT" <<EOF\nx\nEOF',
    ],
)
def test_whatever_is_not_understood_may_write(command: str) -> None:
    assert parse_command(command, "/w").may_write


@pytest.mark.parametrize(
    "command",
    [
        "sleep 30",
        "sleep 5 && git status",
        "gh run watch 123",
        "gh run view 123",
        "gh pr checks 12",
        "docker ps",
        "kubectl get pods",
        "tail -f log.txt",
        "workmux status x",
        "pgrep -f server",
        "watch -n 1 ls",
    ],
)
def test_commands_that_ask_for_news(command: str) -> None:
    assert parse_command(command, "/w").is_poll


@pytest.mark.parametrize("command", ["git status", "cat a.py", "rg foo", "npm test", "git log"])
def test_commands_that_do_not_ask_for_news(command: str) -> None:
    assert not parse_command(command, "/w").is_poll


@pytest.mark.parametrize(
    ("command", "is_answer"),
    [
        ("grep foo a.py", True),
        ("cd x && rg foo", True),
        ("cat a.py | grep foo", True),
        ("diff a b", True),
        ("test -f a", True),
        ("[ -d x ]", True),
        ("which node", True),
        ("git grep foo", True),
        ("grep foo a.py | head", False),  # the exit status is that of `head`
        ("go test ./...", False),
        ("cat a.py", False),
        ("ls missing", False),
        ("grep foo a.py; make test", False),
    ],
)
def test_exit_status_one_is_an_answer_for_commands_that_ask(command: str, is_answer: bool) -> None:
    assert parse_command(command, "/w").is_exit_one_an_answer is is_answer


@pytest.mark.parametrize(
    "command",
    ['cat "$FILE"', "cat *.md", 'cd "$DIR" && cat a.py', "cat $(git ls-files)", "head -c 100 a.py", "cat src/{a,b}.py"],
)
def test_a_read_of_what_cannot_be_named_names_nothing(command: str) -> None:
    assert parse_command(command, "/w").accesses == ()


@pytest.mark.parametrize("command", ['grep foo "$FILE"', 'rg "$PATTERN" src', 'cd "$X" && rg foo'])
def test_a_search_with_an_unknown_part_has_no_query(command: str) -> None:
    reading = parse_command(command, "/w")

    assert (reading.kind, reading.query) == (SEARCH, None)


def test_a_filter_that_reshapes_its_input_hides_which_lines_were_shown() -> None:
    assert parse_command("cat a.py | sort | uniq -c", "/w").accesses == ()
    assert parse_command("cat a.py b.py | head -5", "/w").accesses == ()


def test_a_list_of_arguments_is_one_command() -> None:
    assert parse_command(["bash", "-lc", "cat a.py | head -3"], "/w").accesses == (read("/w/a.py", None, 3),)
    assert parse_command(["cat", "a b.py"], "/w").accesses == (read("/w/a b.py"),)
    assert parse_command([], "/w").kind is SHELL


def test_without_a_folder_relative_paths_stay_relative() -> None:
    assert parse_command("cat src/a.py", None).accesses == (read("src/a.py"),)


def test_a_write_to_nowhere_is_none() -> None:
    reading = parse_command("rg foo > /dev/null 2>&1", "/w")

    assert (reading.kind, reading.may_write, reading.accesses) == (SEARCH, False, ())


def test_a_log_written_by_a_test_is_named() -> None:
    reading = parse_command("npm test > out.log 2>&1", "/w")

    assert (reading.kind, reading.accesses, reading.may_write) == (SHELL, (written("/w/out.log"),), False)


def test_what_lies_behind_the_bound_may_write() -> None:
    command = "cat a.py; " + "echo x; " * MAX_COMMAND_CHARS

    reading = parse_command(command, "/w")

    assert (reading.kind, reading.may_write) == (SHELL, True)


@pytest.mark.parametrize(
    "text", ['"$(' * 5_000, "(" * 20_000, "$(" * 10_000, "`" * 19_999, "<<A " * 5_000, "a|" * 10_000]
)
def test_hostile_commands_take_bounded_time(text: str) -> None:
    started = time.perf_counter()

    parse_command(text, "/w")

    assert time.perf_counter() - started < 2


@settings(deadline=None)  # the machine may be busy
@given(st.text(alphabet=st.sampled_from(list("acx01 .-/'\"\\$`(){}<>|&;\n#*=!~EOF")), max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    for is_powershell in (False, True):
        reading = parse_command(text, "/w", is_powershell=is_powershell)

        assert isinstance(reading.kind, ToolKind)
        assert (reading.query is None) or reading.kind is SEARCH


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(
        st.sampled_from(
            [
                "cat",
                "sed",
                "-n",
                "1,2p",
                "a.py",
                "|",
                "&&",
                ";",
                "grep",
                "foo",
                "head",
                "-3",
                ">",
                "<",
                "$(",
                ")",
                "'x'",
                '"',
                "\n",
                "tee",
                "xargs",
                "find",
                ".",
                "-exec",
                "{}",
                "\\;",
            ]
        ),
        max_size=12,
    )
)
def test_no_combination_of_words_makes_it_raise(words: list[str]) -> None:
    assert isinstance(parse_command(" ".join(words), "/w").kind, ToolKind)
