"""Shell commands and what they do, as data.

What is not in a table counts as "may write": a wrong entry here could make a finding, a missing one only hides one.
Tests and builds write caches and output files, which agents do not read as sources; they count as leaving sources
alone. Commands whose job is to change sources (formatters, fixers, generators) do not, nor do package scripts whose
name does not say that they test or build.
"""

from __future__ import annotations

import re
from typing import Final


def words(text: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(text.split())


NEUTRAL_COMMANDS: Final = words(
    """
    : [ [[ alias break clear continue declare done echo esac exit expr export false fi let local popd printf pushd
    pwd read readonly return set setopt shift shopt sleep stty test tput true type typeset ulimit umask unalias
    unset wait start-sleep write-host write-output set-location push-location pop-location
    """
)

# Words that stand before a command without being one.
KEYWORDS: Final = words("! { } if then elif else while until do time begin")

# Show something about the system or judge the sources, and leave the sources alone.
RUN_COMMANDS: Final = words(
    """
    ava base64 basename bats biome black chmod chown cksum cmp codespell column comm ctest curl cut date df diff dig
    dirname du env eslint file flake8 fold free getent gofmt goimports golangci-lint groups hadolint
    hexdump hostname host id ifconfig isort jest jobs join jq kill killall ktlint last locale lsof lsblk man
    markdownlint md5 md5sum mocha mount mypy netstat nosetests nox nslookup nvidia-smi od paste
    pgrep phpstan phpunit pidof ping pkill playwright prettier printenv ps pstree pylint pyright pytest py.test readelf
    readlink realpath rev rspec rubocop seq sha1sum sha256sum shasum shellcheck shfmt sort squeue ss stat
    strings stylelint swiftlint sw_vers tac top tox tr tsc tsd uname uniq unittest uptime vitest vm_stat vue-tsc w
    wc whereis which who whoami xcodebuild xxd yamllint yq get-command get-item get-process get-date measure-object
    test-path resolve-path get-location sort-object format-table format-list out-string out-null convertfrom-json
    convertto-json
    """
)

# Of those: what they print when there is nothing new is the same, and asking again is how one waits.
POLL_COMMANDS: Final = words("jobs lsof netstat nvidia-smi pgrep pidof ps squeue ss top uptime get-process")

# Among `RUN_COMMANDS`: those that print their input changed or counted. Behind a pipe they hide which lines were shown.
FILTER_COMMANDS: Final = words(
    """
    base64 column cut fold jq join od paste rev sort strings tac tr uniq wc xxd yq hexdump sort-object
    measure-object format-table format-list out-string out-null convertfrom-json convertto-json
    """
)

# Options that turn a command of `RUN_COMMANDS` or a subcommand into one that changes sources.
WRITE_OPTIONS: Final = words(
    "--fix --fix-only --fix-dry-run --write --apply --apply-unsafe --in-place --inplace --update --updatesnapshot"
    " --update-snapshot --update-snapshots --overwrite --unsafe-fixes --autocorrect --auto-correct --snapshot-update"
)
WRITE_OPTIONS_OF: Final = {
    "gofmt": words("-w"),
    "goimports": words("-w"),
    "shfmt": words("-w"),
    "prettier": words("-w"),
    "jest": words("-u"),
    "vitest": words("-u"),
    "sort": words("-o --output"),
    "yq": words("-i"),
    "curl": words("-o -O --output --remote-name -J --output-dir"),
    "rubocop": words("-a -A"),
    "go": words("-update -u -w"),
}
# Formatters that write unless told only to look.
FORMATTERS: Final = {
    "black": words("--check --diff"),
    "isort": words("--check --check-only -c --diff"),
}

# Subcommands that leave the working tree alone. Everything else these commands do may write.
RUN_SUBCOMMANDS: Final = {
    "git": words(
        """
        add annotate blame branch cat-file check-attr check-ignore cherry config count-objects describe diff diff-tree
        fetch for-each-ref format-patch fsck gc help hash-object log ls-files ls-remote ls-tree merge-base name-rev
        notes push range-diff reflog remote rev-list rev-parse shortlog show show-ref status symbolic-ref tag var
        verify-commit version whatchanged --version stash:list stash:show worktree:list submodule:status bisect:log
        lfs:ls-files
        """
    ),
    "gh": words(
        "api auth browse issue label pr project release repo ruleset run search secret status variable workflow"
    ),
    "go": words("build doc env help install list test tool version vet"),
    "cargo": words("audit bench build check clippy deny doc metadata nextest search test tree version"),
    "npm": words(
        "audit explain find-dupes help info ls list outdated ping root search show view whoami why --version -v"
    ),
    "pnpm": words("audit list ls outdated why --version -v"),
    "yarn": words("audit info list outdated why --version -v"),
    "bun": words("test build --version -v"),
    "deno": words("check info lint test --version"),
    "pip": words("check freeze index inspect list show --version"),
    "uv": words("tree version --version pip:list pip:show pip:freeze pip:check"),
    "poetry": words("check show version"),
    "docker": words(
        """
        events history images info inspect logs port ps search stats top version compose:config compose:logs
        compose:ps compose:ls container:ls image:ls network:ls volume:ls
        """
    ),
    "podman": words("images info inspect logs port ps stats top version"),
    "kubectl": words("api-resources config describe diff events explain get logs rollout top version"),
    "terraform": words("graph output plan providers show state validate version"),
    "dotnet": words("build test list --info --version"),
    "gradle": words("assemble build check classes compileJava dependencies projects tasks test"),
    "mvn": words("compile dependency:tree package test test-compile validate verify"),
    "swift": words("build test --version"),
    "ruff": words("check rule linter version"),
    "dart": words("analyze test"),
    "flutter": words("analyze build doctor test"),
    "rustup": words("show which"),
    "brew": words("config deps doctor info leaves list ls outdated search uses"),
    "systemctl": words("is-active is-enabled list-units show status"),
    "npx": words("--version"),
    "node": words("--version -v --check -c"),
    "python": words("--version -V"),
    "claude": words("--version"),
}
SUBCOMMAND_ALIASES: Final = {
    "python3": "python",
    "pip3": "pip",
    "gradlew": "gradle",
    "mvnw": "mvn",
    "nerdctl": "docker",
    "docker-compose": "docker",
}
# Of the subcommands above (or unknown ones): these do change files after all.
WRITE_SUBCOMMANDS: Final = words(
    "gh:pr:checkout gh:repo:clone gh:repo:fork gh:repo:sync gh:run:download gh:release:download gh:gist:clone"
    " git:branch:-f git:notes:merge terraform:state:mv"
)
# Asking a service for news: the answer changes without any argument changing.
POLL_SUBCOMMANDS: Final = words(
    "gh:run:watch gh:run:view gh:run:list gh:pr:checks gh:pr:status docker:ps docker:logs docker:stats docker:inspect"
    " compose:ps compose:logs kubectl:get kubectl:describe kubectl:logs kubectl:rollout kubectl:events systemctl:status"
    " systemctl:is-active"
)

# Options of a command itself, before its subcommand, that take a value.
LEADING_OPTIONS: Final = {
    "git": words("-C -c --git-dir --work-tree --namespace"),
    "gh": words("-R --repo"),
    "docker": words("-H --context -c"),
    "kubectl": words("-n --namespace --context --kubeconfig"),
    "npm": words("--prefix -C -w --workspace"),
    "pnpm": words("--filter -C --dir -F"),
    "yarn": words("--cwd"),
    "bun": words("--cwd --filter"),
    "make": words("-C -f -j"),
    "gradle": words("-p"),
    "cargo": words("--manifest-path"),
    "go": words("-C"),
    "uv": words("--directory --project"),
}

# Run a named script of the project: only its name tells what it does.
SCRIPT_RUNNERS: Final = {
    "npm": words("run run-script test t tst"),
    "pnpm": words("run test t"),
    "yarn": words("run test"),
    "bun": words("run"),
    "mise": words("run r"),
    "composer": words("run test"),
    "deno": words("task"),
    "hatch": words("run test"),
    "turbo": words("run"),
    "make": frozenset[str](),
    "just": frozenset[str](),
    "task": frozenset[str](),
    "rake": frozenset[str](),
}
TEST_SCRIPT: Final = re.compile(
    r"(?:test|tests|build|compile|typecheck|type-check|tsc|coverage|e2e|bench|spec|check-types)(?:[:_-].*)?"
)
WRITE_SCRIPT: Final = re.compile(r"fix|fmt|format|write|update|generate|codegen|snapshot")

# Commands that run the command after them: options that take a value, and how many operands come first.
WRAPPERS: Final = {
    "sudo": (words("-u -g -h -p -C -U"), 0),
    "doas": (words("-u -C"), 0),
    "env": (words("-u -C -S"), 0),
    "timeout": (words("-s -k --signal --kill-after"), 1),
    "gtimeout": (words("-s -k --signal --kill-after"), 1),
    "nice": (words("-n"), 0),
    "ionice": (words("-c -n"), 0),
    "nohup": (frozenset[str](), 0),
    "time": (words("-f -o"), 0),
    "command": (frozenset[str](), 0),
    "builtin": (frozenset[str](), 0),
    "exec": (frozenset[str](), 0),
    "stdbuf": (words("-i -o -e"), 0),
    "caffeinate": (words("-t"), 0),
    "arch": (frozenset[str](), 0),
    "wsl": (words("-d -u --cd --distribution --user"), 0),
    "npx": (words("-p --package"), 0),
    "bunx": (words("-p --package"), 0),
    "rtk": (frozenset[str](), 0),
    "noglob": (frozenset[str](), 0),
    "unbuffer": (frozenset[str](), 0),
    "watch": (words("-n --interval"), 0),
    "direnv exec": (frozenset[str](), 1),
    "uv run": (words("--with --extra --group --python -p --project --directory"), 0),
    "poetry run": (frozenset[str](), 0),
    "pipenv run": (frozenset[str](), 0),
    "hatch run": (frozenset[str](), 0),
    "bundle exec": (frozenset[str](), 0),
    "pnpm exec": (frozenset[str](), 0),
    "pnpm dlx": (frozenset[str](), 0),
    "yarn dlx": (frozenset[str](), 0),
    "npm exec": (words("-p --package"), 0),
    "bun x": (frozenset[str](), 0),
    "mise exec": (frozenset[str](), 0),
    "mise x": (frozenset[str](), 0),
}

SHELLS: Final = words("bash sh zsh dash ksh fish ash")
POWERSHELLS: Final = words("powershell pwsh")
POWERSHELL_ALIASES: Final = {
    "gc": "get-content",
    "cat": "get-content",
    "type": "get-content",
    "sls": "select-string",
    "gci": "get-childitem",
    "dir": "get-childitem",
    "ls": "get-childitem",
    "select": "select-object",
    "measure": "measure-object",
    "sc": "set-content",
    "rm": "remove-item",
    "del": "remove-item",
    "cp": "copy-item",
    "copy": "copy-item",
    "mv": "move-item",
    "move": "move-item",
    "ni": "new-item",
    "cd": "set-location",
    "echo": "write-output",
    "sleep": "start-sleep",
}
POWERSHELL_WRITERS: Final = words(
    """
    add-content clear-content copy-item move-item new-item out-file remove-item rename-item set-content tee-object
    """
)

# Exit status 1 of these says "differs", "is not so", "none found".
ANSWER_COMMANDS: Final = words("cmp diff expr pgrep test [ [[ which command git:diff")

# Options that take a value, by command; needed to tell operands from values.
VALUED_OPTIONS: Final = {
    "head": words("-n -c --lines --bytes"),
    "tail": words("-n -c --lines --bytes -s --pid"),
    "nl": words("-b -h -f -v -i -l -n -s -w -d"),
    "bat": words("-r --line-range -l --language --theme --style -H --color --paging"),
    "sed": words("-e -f --expression --file -l"),
    "awk": words("-F -v -f"),
    "grep": words(
        """
        -e -f -A -B -C -m -d -D --regexp --file --max-count --context --after-context --before-context --include
        --exclude --exclude-dir --color --colour --label
        """
    ),
    "rg": words(
        """
        -e -f -A -B -C -m -g -t -T -d -M -j -r -E --regexp --file --glob --iglob --type --type-not --max-count
        --context --after-context --before-context --max-depth --maxdepth --max-columns --threads --replace --sort
        --sortr --encoding --color --colors --max-filesize --ignore-file --pre --type-add --engine
        """
    ),
    "ag": words("-A -B -C -G -m -p --ignore --depth --file-search-regex --type --ignore-dir"),
    "git grep": words("-e -f -A -B -C -m -O --max-depth --threads --context"),
    "fd": words(
        """
        -e -t -d -E -x -X -s -S -o -c -j --extension --type --max-depth --exclude --exec --exec-batch --size
        --changed-within --changed-before --base-directory --search-path
        """
    ),
    "ls": words("-I -w -T -L -P --ignore --hide --color --sort --time --format --filelimit"),
    "touch": words("-d -t -r --date --reference"),
    "truncate": words("-s -r --size --reference"),
    "cp": words("-t -S --target-directory --suffix"),
    "mv": words("-t -S --target-directory --suffix"),
    "ln": words("-t -S --target-directory --suffix"),
    "install": words("-t -S -m -o -g --target-directory --suffix --mode --owner --group"),
    "xargs": words("-I -n -P -L -d -s -E -a -i --max-args --max-procs --replace --delimiter"),
    "get-content": words(
        """
        -path -literalpath -totalcount -head -first -tail -last -skip -encoding -delimiter -readcount
        """
    ),
    "select-string": words("-pattern -path -literalpath -context -include -exclude -encoding"),
    "get-childitem": words("-path -literalpath -filter -include -exclude -depth -attributes"),
    "set-content": words(
        """
        -path -literalpath -filepath -destination -value -encoding -itemtype -name -newname -inputobject
        """
    ),
}

# Tests of `find` that carry its pattern, and those whose value only narrows it.
FIND_NAMES: Final = words("-name -iname -path -ipath -wholename -iwholename -regex -iregex")
FIND_VALUES: Final = words(
    """
    -type -maxdepth -mindepth -mtime -mmin -newer -size -perm -user -group -atime -ctime -amin -cmin -newermt -printf
    """
)
