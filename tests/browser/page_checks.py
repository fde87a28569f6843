"""What every page is held to: axe without a violation, no sideways scrolling, targets to hit."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# WCAG 2.2 asks for 24 pixels; a finger wants more. Links within a sentence are exempt.
POINTER_TARGET = 24
FINGER_TARGET = 40

_CONTROLS = "button, summary, select, input:not([type=hidden]), nav a, a.button"
_SMALL_TARGETS = """([controls, least, narrow]) => {
  const small = [];
  for (const element of document.querySelectorAll(controls)) {
    if (!element.getBoundingClientRect().width || !element.checkVisibility()) continue;
    const target = (element.closest("label") ?? element).getBoundingClientRect();
    const name = element.textContent.trim() || element.name;
    if (Math.round(target.height) < least || Math.round(target.width) < narrow)
      small.push(`${element.tagName} ${name} ${target.width}x${target.height}`);
  }
  return small;
}"""


def violations(page: Page) -> list[str]:
    """What axe finds, in one line each."""
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    return [
        f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']]}"
        for one in results.response["violations"]
    ]


def sideways_scroll(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def small_targets(page: Page, least: int) -> list[str]:
    """Controls that are lower than `least` pixels."""
    return list(page.evaluate(_SMALL_TARGETS, [_CONTROLS, least, POINTER_TARGET]))


_SHIFTS = """() => {
  window.shifted = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      shifted.push(...entry.sources.map((source) => source.node?.className ?? "text"));
  }).observe({type: "layout-shift", buffered: true});
}"""


def watch_shifts(page: Page) -> None:
    """Collect what moves by itself, from the next page on."""
    page.add_init_script(f"({_SHIFTS})()")


def shifts(page: Page) -> list[str]:
    """The classes of what has moved by itself."""
    return list(page.evaluate("window.shifted"))


_CUT = """() => [...document.querySelectorAll("main *")].filter((element) => {
  const style = getComputedStyle(element);
  if (style.overflowX !== "hidden" || element.clientWidth <= 1) return false;
  if (!element.checkVisibility()) return false;
  if (style.webkitLineClamp !== "none") return element.scrollHeight > element.clientHeight + 1;
  return style.textOverflow === "ellipsis" && element.scrollWidth > element.clientWidth + 1;
}).map((element) => `${element.className}: ${element.textContent.trim()}`)"""


def cut_texts(page: Page) -> list[str]:
    """Texts of which a part is hidden behind an ellipsis."""
    return list(page.evaluate(_CUT))
