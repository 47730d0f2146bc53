// What Material's bundle expects of every page: a place in the browser's storage for small choices, such as the colours.
// It is a file and no inline script, so that the content security policy can refuse all of those.
{
  const base = document.currentScript.dataset.base;
  window.__md_scope = new URL(base, location);
  window.__md_hash = (text) => {
    let sum = 0;
    for (const character of text) sum = ((sum << 5) - sum + character.charCodeAt(0)) | 0;
    return sum;
  };
  window.__md_get = (name, storage = localStorage, scope = window.__md_scope) =>
    JSON.parse(storage.getItem(`${scope.pathname}.${name}`));
  window.__md_set = (name, value, storage = localStorage, scope = window.__md_scope) => {
    try {
      storage.setItem(`${scope.pathname}.${name}`, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing shows the same page; the choice is only not remembered.
    }
  };
}
