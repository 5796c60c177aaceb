// Elements without HTML text: everything a user or a task wrote ends up in text nodes and attributes only.

const SVG = "http://www.w3.org/2000/svg";

const fill = (element, properties, children) => {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

export const h = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

// Makes `target` look like `wanted` while keeping what is the same, so that focus, selection and scrolling survive an
// update. Elements are matched by `data-key`, else by order; `data-keep` marks what a view looks after by itself.
export function morph(target, wanted) {
  if (target.nodeType !== wanted.nodeType || target.nodeName !== wanted.nodeName) {
    target.replaceWith(wanted);
    return;
  }
  if (target.nodeType === Node.TEXT_NODE) {
    if (target.data !== wanted.data) target.data = wanted.data;
    return;
  }
  if (target.hasAttribute("data-keep")) return;
  for (const { name } of [...target.attributes]) if (!wanted.hasAttribute(name) && name !== "open" && name !== "style") target.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (target.getAttribute(name) !== value) target.setAttribute(name, value);
  morphChildren(target, [...wanted.childNodes]);
}

export function morphChildren(target, children) {
  const wanted = children.filter(Boolean);
  const keyed = new Map();
  for (const child of target.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let place = target.firstChild;
  for (const child of wanted) {
    const key = child.dataset?.key;
    const same = key ? keyed.get(key) : place && !place.dataset?.key ? place : null;
    if (!same) {
      target.insertBefore(child, place);
    } else {
      if (same === place) place = place.nextSibling;
      else target.insertBefore(same, place);
      morph(same, child);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

// An element's own style by the object model, which the content policy allows where it forbids `style="…"`.
export function style(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}
