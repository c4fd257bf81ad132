"""`sessionoptimizer rules [ID]`: what is looked for, and the thresholds in force."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_sessionopt.cli.options import settings_of, settings_options

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.base import BaseAnalyzer
    from otel_sessionopt.config import SettingRow, Settings

_WIDTH = 80


@click.command("rules")
@click.argument("rule", metavar="[ID]", required=False)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option("--all", "is_all", is_flag=True, help="List every setting, not only those of rules.")
@settings_options
def command(rule: str | None, is_json: bool, is_all: bool, config: Path | None, overrides: tuple[str, ...]) -> None:
    """List the rules with their thresholds as configured, or explain the rule ID.

    \b
    Examples:
      sessionoptimizer rules
      sessionoptimizer rules repeated-file-read
      sessionoptimizer rules --set rules.large-file.min_tokens=20000
      sessionoptimizer rules --all
    """
    from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, build_analyzers, meta_of
    from otel_sessionopt.config import explain_settings

    settings = settings_of(config, overrides)
    rows = explain_settings(settings)
    classes = ANALYZER_CLASSES
    if rule is not None:
        build_analyzers({rule: {}}, source="rules")  # names the rules there are where this one is not
        classes = tuple(each for each in classes if meta_of(each).id == rule)
        rows = tuple(row for row in rows if row.key.startswith(f"rules.{rule}."))
    if is_json:
        document = {"rules": [_rule_json(each, rows) for each in classes]}
        if is_all:
            document["settings"] = [_row_json(row) for row in rows]
            document["prices"] = [_price_json(model, price) for model, price in settings.prices.items()]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif rule is not None:
        click.echo(_page(classes[0], rows))
    elif is_all:
        click.echo("\n".join((*_settings_lines(rows), *_price_lines(settings))))
    else:
        click.echo("\n".join(_table(classes, rows, settings)))


def _table(classes: Sequence[type[BaseAnalyzer]], rows: Sequence[SettingRow], settings: Settings) -> list[str]:
    from otel_sessionopt.analyzers.catalog import meta_of

    enabled = sum(row.key.endswith(".enabled") and row.key.startswith("rules.") and row.value is True for row in rows)
    lines = [f"{enabled} of {len(classes)} rules are enabled."]
    for analyzer_class in classes:
        meta = meta_of(analyzer_class)
        own = [row for row in rows if row.key.startswith(f"rules.{meta.id}.")]
        off = "" if all(row.value is not False for row in own if row.key.endswith(".enabled")) else "   OFF"
        preview = "   preview: listed, not scored" if meta.preview else ""
        lines += ["", f"{meta.id}   {meta.severity.value}   {meta.title}{preview}{off}"]
        lines += [line for row in own if not row.key.endswith(".enabled") for line in _threshold_lines(row)]
    lines += ["", f"Ignored paths: {', '.join(settings.ignore_paths) or 'none'}"]
    lines += _price_lines(settings)
    lines += ["", "`sessionoptimizer rules ID` explains one; `--all` lists every setting."]
    return lines


def _threshold_lines(row: SettingRow) -> list[str]:
    name = row.key.rpartition(".")[2]
    value = f"{name} = {_plain(row.value)} {row.unit}".rstrip()
    origin = f"default {_plain(row.default)}, set by {row.source}" if row.source != "default" else "default"
    line = f"  {value:<34} {origin}; {row.allowed}"
    return textwrap.wrap(line, _WIDTH, subsequent_indent=" " * 37, break_on_hyphens=False, break_long_words=False)


def _page(analyzer_class: type[BaseAnalyzer], rows: Sequence[SettingRow]) -> str:
    from otel_sessionopt.analyzers.pages import rule_page

    in_force = ["## As configured", "", *(line for row in rows for line in _threshold_lines(row))]
    return f"{rule_page(analyzer_class)}\n" + "\n".join(in_force)


def _settings_lines(rows: Sequence[SettingRow]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        origin = f", set by {row.source}" if row.source != "default" else ""
        lines.append(f"{row.key} = {_plain(row.value)} {row.unit}".rstrip())
        lines += textwrap.wrap(row.doc, _WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines.append(f"    {row.allowed}; default {_plain(row.default)}{origin}; ${row.variable}")
    return lines


def _price_lines(settings: Settings) -> list[str]:
    lines = [
        f"  {model}: " + ", ".join(f"{name} {value}" for name, value in _price_json(model, price)["usd"].items())
        for model, price in settings.prices.items()
    ]
    if not lines:
        return ["Own prices: none ([prices.<model>] input = 3.0, output = 15.0; USD per million tokens)"]
    return ["Own prices, USD per million tokens:", *lines]


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.15g}" if isinstance(value, float) else str(value)


def _rule_json(analyzer_class: type[BaseAnalyzer], rows: Sequence[SettingRow]) -> dict[str, Any]:
    from otel_sessionopt.analyzers.catalog import meta_of

    meta = meta_of(analyzer_class)
    return {
        "id": meta.id,
        "title": meta.title,
        "category": meta.category.value,
        "severity": meta.severity.value,
        "requires": sorted(fact.value for fact in meta.requires),
        "since": meta.since,
        "preview": meta.preview,
        "settings": [_row_json(row) for row in rows if row.key.startswith(f"rules.{meta.id}.")],
    }


def _row_json(row: SettingRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "value": _json_value(row.value),
        "default": _json_value(row.default),
        "source": row.source,
        "variable": row.variable,
        "unit": row.unit,
        "allowed": row.allowed,
        "doc": row.doc,
    }


def _json_value(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _price_json(model: str, price: Any) -> dict[str, Any]:
    usd = {name: getattr(price, name) for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")}
    return {"model": model, "usd": {name: float(value) for name, value in usd.items() if value is not None}}
