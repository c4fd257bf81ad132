"""Opens one page in Chromium in four views, and prints as JSON what it saw. Runs in an environment with Playwright.

python chromium_driver.py /usr/bin/chromium page.html folder-for-pictures
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]


def main(chromium: str, page: Path, pictures: Path) -> None:
    sync_playwright: Any = importlib.import_module("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        views = [view(browser, page, pictures, scheme, width) for scheme, width in VIEWS]
        browser.close()
    json.dump(views, sys.stdout)


def view(browser: Any, page: Path, pictures: Path, scheme: str, width: int) -> dict[str, Any]:
    """One view: what the console said, what was asked of the network, what axe found, and a picture of all of it."""
    # axe is put in by the test itself, which the page's policy forbids to everybody else.
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    tab = context.new_page()
    console: list[str] = []
    requests: list[str] = []
    dialogs: list[str] = []

    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.on("console", lambda message: console.append(message.text))
    tab.on("pageerror", lambda error: console.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("dialog", dismiss)
    tab.goto(page.as_uri())
    picture = pictures / f"{page.stem}-{scheme}-{width}.png"
    tab.screenshot(path=str(picture), full_page=True)
    seen = {
        "scheme": scheme,
        "width": width,
        "picture": str(picture),
        "scroll_width": tab.evaluate("document.documentElement.scrollWidth"),
        "console": list(console),
        "requests": len(requests),
        "dialogs": len(dialogs),
        "text": tab.inner_text("body"),
        **filtered(tab),
    }
    if (scheme, width) in (("light", 1280), ("dark", 390)):  # everything open: twice is enough, and axe takes its time
        tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    seen["violations"] = violations(tab)
    context.close()
    return seen


def filtered(tab: Any) -> dict[str, Any]:
    """How many issues are shown before and after a filter on the first rule."""
    shown = "document.querySelectorAll('article.issue:not([hidden])').length"
    before = tab.evaluate(shown)
    codes = tab.query_selector("select[name=code]")
    if codes is None or not before:
        return {"issues": before}
    codes.select_option(index=1)
    after, told = tab.evaluate(shown), tab.inner_text("#shown")
    codes.select_option(index=0)
    return {"issues": before, "issues_after_filter": after, "filter_told": told}


def violations(tab: Any) -> list[str]:
    """What axe finds wrong, one line each."""
    origin = find_spec("axe_playwright_python")
    assert origin is not None
    assert origin.origin is not None
    tab.evaluate(Path(origin.origin).with_name("axe.min.js").read_text(encoding="utf-8") + "\n;undefined")
    found = tab.evaluate("axe.run(document)")
    return [
        f"{each['id']}: {each['help']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]))
