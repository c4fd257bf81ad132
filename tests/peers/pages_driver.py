"""Walks through the service's pages in Chromium as a person would, and prints as JSON what it saw.

python pages_driver.py /usr/bin/chromium http://127.0.0.1:8425 folder-for-pictures
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from chromium_driver import FLAGS, VIEWS, violations  # type: ignore[import-not-found]  # beside this script

PAGES = {
    "sessions": "/sessions",
    "costs": "/costs",
    "agent": "/agent?name=coder",
    "rules": "/rules",
    "rule": "/rules/repeated-file-read",
    "problem": "/sessions/unknown",
}


def main(chromium: str, address: str, pictures: Path) -> None:
    sync_playwright: Any = importlib.import_module("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        looks = [look(browser, address, pictures, scheme, width) for scheme, width in VIEWS]
        seen = {"looks": looks, **walk(browser, address, pictures)}
        browser.close()
    json.dump(seen, sys.stdout)


def look(browser: Any, address: str, pictures: Path, scheme: str, width: int) -> dict[str, Any]:
    """Every page in one view: what axe found, what the console said, how wide it is, the colour behind it."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=False)
    pages = {}
    for name, path in PAGES.items():
        tab = context.new_page()
        console: list[str] = []
        requests: list[str] = []
        tab.on("console", lambda message, console=console: console.append(message.text))
        tab.on("pageerror", lambda error, console=console: console.append(str(error)))
        tab.on("request", lambda request, requests=requests: requests.append(request.url))
        answer = tab.goto(address + path)
        tab.screenshot(path=str(pictures / f"pages-{name}-{scheme}-{width}.png"), full_page=True)
        pages[name] = {
            "status": answer.status,
            "console": console,
            "foreign": [url for url in requests if not url.startswith(address)],
            "scroll_width": tab.evaluate("document.documentElement.scrollWidth"),
            "background": tab.evaluate("getComputedStyle(document.body).backgroundColor"),
            "violations": violations(tab),
        }
        tab.close()
    context.close()
    return {"scheme": scheme, "width": width, "pages": pages}


def walk(browser: Any, address: str, pictures: Path) -> dict[str, Any]:
    """Open, filter, sort, compare, follow links, with the mouse and then with the keyboard alone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    dialogs: list[str] = []

    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", dismiss)
    seen: dict[str, Any] = {}

    def rows() -> list[str]:
        return [each.inner_text() for each in tab.query_selector_all("table.list tbody tr")]

    tab.goto(address)
    seen["opened"] = {"url": tab.url, "title": tab.title(), "rows": rows()}
    tab.fill("input[name=search]", "parser")
    tab.click("form[role=search] button")
    seen["searched"] = rows()
    tab.goto(f"{address}/sessions")
    tab.select_option("select[name=agent]", "coder")
    tab.click("form[role=search] button")
    seen["filtered"] = rows()
    tab.goto(f"{address}/sessions")
    tab.click("th a:has-text('Cost')")
    down = rows()
    tab.click("th a:has-text('Cost')")
    seen["sorted"] = {"down": down, "up": rows(), "aria": tab.get_attribute("th[aria-sort]", "aria-sort")}
    boxes = tab.query_selector_all("input[name=id]")
    boxes[0].check()
    boxes[1].check()
    tab.click("text=Compare the marked ones")
    tab.screenshot(path=str(pictures / "pages-compared.png"), full_page=True)
    seen["compared"] = {"url": tab.url, "title": tab.title(), "heading": tab.inner_text("h1")}
    tab.click("text=All sessions")
    tab.click("table.list tbody tr:first-child td.when a")
    seen["session"] = {"url": tab.url, "title": tab.title(), "text": tab.inner_text("main")}
    tab.go_back()
    tab.click("nav a:has-text('What costs most')")
    tab.click("table a:has-text('repeated-file-read')")
    seen["rule"] = {"url": tab.url, "heading": tab.inner_text("h1")}

    tab.goto(f"{address}/sessions")
    tab.keyboard.press("Tab")
    seen["first_stop"] = tab.evaluate("document.activeElement.textContent")
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('td.when') !== null"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/sessions/*")
    seen["by_keyboard"] = tab.url
    seen["dialogs"] = dialogs
    context.close()
    return seen


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
