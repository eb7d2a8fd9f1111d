"""Whether text on the page is cut: what `make screenshots` and the tests of the layout look for."""

from typing import Any

PLACES = ("overview", "symbol", "risk", "pnl", "replay", "system", "audit")
SIZES = ((1920, 1080), (1440, 900), (1024, 768), (768, 1024), (720, 450), (390, 844))
"""720 by 450: 1440 by 900 at a zoom of 200 %."""
THEMES = ("dark", "light")

_CUT = """() => {
  // Text of any length that people or machines write: it may end early where its title says it whole.
  const FREE = '.clip, td.none, .side-reason, .chart-summary, .event-list td, .note';
  const isShown = node => getComputedStyle(node).clipPath === 'none' && node.checkVisibility({ visibilityProperty: true }) && !node.closest('.hidden-text, .skip, dialog:not([open])');
  const named = node => `${node.closest('[data-panel]')?.dataset.panel ?? 'frame'} ${node.tagName.toLowerCase()}.${node.className}`;
  const ownText = node => [...node.childNodes].filter(each => each.nodeType === 3).map(each => each.data.trim()).join(' ').trim();
  const found = new Set();
  for (const node of document.querySelectorAll('body *')) {
    if (!isShown(node) || node.matches('canvas, option, select, input, i')) continue;
    const style = getComputedStyle(node);
    const overflows = node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0;
    if (style.overflowX === 'hidden' || style.overflowX === 'clip') {
      const said = node.closest('[title]')?.title || '';
      if (overflows && node.textContent.trim() && !(node.matches(FREE) && said)) found.add(`${named(node)}: ${node.textContent.trim().slice(0, 60)}`);
    } else if (style.overflowX === 'auto' || style.overflowX === 'scroll') {
      if (overflows) found.add(`${named(node)} is ${node.scrollWidth - node.clientWidth} px too wide: ${node.textContent.trim().slice(0, 40)}`);
    }
    else if (overflows && node.matches('td, th')) found.add(`${named(node)} runs into the next: ${node.textContent.trim().slice(0, 60)}`);
    const text = ownText(node);
    const box = node.getBoundingClientRect();
    if (text && (box.right > innerWidth + 1 || box.left < -1)) found.add(`${named(node)} is outside the window: ${text.slice(0, 60)}`);
  }
  return [...found];
}"""


def cut_texts(page: Any) -> list[str]:
    """Where text is cut on the page as it is now: panel, element and text."""
    found: list[str] = page.evaluate(_CUT)
    return found
