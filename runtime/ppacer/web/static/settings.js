// What a person has set for this browser: kept there, and only there.

// The setting as an object whose `value` is read and set. A browser that keeps nothing forgets it with the page.
export function setting(name, otherwise) {
  const key = `ppacer.${name}`;
  let value = read(key) ?? otherwise;
  return {
    get value() { return value; },
    set value(wanted) {
      value = wanted;
      try { localStorage.setItem(key, wanted); } catch { /* it may not be kept */ }
    },
  };
}

function read(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}
