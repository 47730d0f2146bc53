// The keys of sandboxes that were made here: each is shown once, until somebody says that it was copied.

import { copyable, h } from "./dom.js";
import { asCurl } from "./part.js";

class Keys extends HTMLElement {
  /** `go` leads to it, when another sandbox is on the page. */
  add({ id, name, key }, call, go = null) {
    const heading = h("h3", { id: `console-key-${id}`, tabindex: "-1" });
    heading.textContent = go ? `“${name}” is there. Its key is shown this once` : "Your key: it is shown this once";
    const button = (label, kind, then) => {
      const made = h("button", { type: "button", class: `console-button ${kind}` }, label);
      made.addEventListener("click", () => (box.remove(), then()));
      return made;
    };
    const box = h(
      "section",
      { class: "console-key", "aria-labelledby": heading.id, "data-id": id },
      heading,
      h(
        "p",
        {},
        "This tab keeps it (in its sessionStorage) and sends it to this service alone. When you close the tab it is gone, so copy it if you want to go on in a terminal or come back:",
      ),
      copyable(`export KEY=${key}`, { line: true }),
      h(
        "div",
        { class: "console-row" },
        button("I have copied it", "console-button--first", () => this.parentElement.querySelector("h2").focus()),
        go && button("Go to it", "", go),
      ),
      call && asCurl(call, "How it was made, with curl"),
    );
    this.append(box);
    if (go) {
      heading.focus({ preventScroll: true });
      box.scrollIntoView({ block: "center" });
    }
  }

  drop(id) {
    for (const box of [...this.children]) if (box.dataset.id === id) box.remove();
  }
}
customElements.define("sandbox-keys", Keys);
