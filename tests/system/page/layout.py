"""Whether text on the page is cut: what `make screenshots` and the tests of the layout look for."""

from typing import Any

PLACES = ("overview", "symbol", "risk", "pnl", "replay", "system", "audit")
SIZES = ((1920, 1080), (1440, 900), (1024, 768), (768, 1024), (720, 450), (390, 844))
"""720 by 450: 1440 by 900 at a zoom of 200 %."""
THEMES = ("dark", "light")

_CUT = """() => {
  // Text of any length that people or machines write: it may end early where its title says it whole.
  const FREE = '.clip, td.none, .side-reason, .chart-summary, .event-list td, .note';
  const isShown = node =>
    getComputedStyle(node).clipPath === 'none'
    && node.checkVisibility({ visibilityProperty: true })
    && !node.closest('.hidden-text, .skip, dialog:not([open])');
  const panelOf = node => node.closest('[data-panel]')?.dataset.panel ?? 'frame';
  const nameOf = node => `${panelOf(node)} ${node.tagName.toLowerCase()}.${node.className}`;
  const textOf = node => node.textContent.trim().slice(0, 60);
  const ownText = node =>
    [...node.childNodes].filter(each => each.nodeType === 3).map(each => each.data.trim()).join(' ').trim();
  const cutIn = node => {
    const overflow = getComputedStyle(node).overflowX;
    if (node.scrollWidth <= node.clientWidth + 1 || node.clientWidth === 0) return null;
    if (overflow === 'auto' || overflow === 'scroll')
      return `is ${node.scrollWidth - node.clientWidth} px too wide`;
    if (overflow === 'visible') return node.matches('td, th') ? 'runs into the next' : null;
    const isWhole = node.matches(FREE) && node.closest('[title]')?.title;
    return textOf(node) && !isWhole ? 'is cut' : null;
  };
  const isOutside = node => {
    const { left, right } = node.getBoundingClientRect();
    return ownText(node) && (right > innerWidth + 1 || left < -1);
  };
  const found = new Set();
  for (const node of document.querySelectorAll('body *')) {
    if (!isShown(node) || node.matches('canvas, option, select, input, i')) continue;
    const how = cutIn(node) ?? (isOutside(node) ? 'is outside the window' : null);
    if (how) found.add(`${nameOf(node)} ${how}: ${textOf(node)}`);
  }
  return [...found];
}"""


def cut_texts(page: Any) -> list[str]:
    """Where text is cut on the page as it is now: panel, element and text."""
    found: list[str] = page.evaluate(_CUT)
    return found
