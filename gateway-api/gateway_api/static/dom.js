// Small helpers for the page. Text from the engine goes through textContent only, so it can never be markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// Writes only where something changed: most cells of most messages do not.
export function setText(node, text) {
  if (node.shownText !== text) {
    node.shownText = text;
    node.textContent = text;
  }
}

export function setClass(node, className) {
  if (node.className !== className) node.className = className;
}

// Makes `parent` hold exactly `count` children; `make` builds one more.
export function resize(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make());
}
