// What every part of the console can do: find the bench, work for a button, say what came of it.

import { Refusal } from "./api.js";
import { copyable, h } from "./dom.js";

/** What came of it, as a sentence that a screen reader tells, and as the curl that does the same. */
class Outcome extends HTMLElement {
  connectedCallback() {
    this.said ??= this.appendChild(h("p", { role: "status", class: "console-outcome" }));
    this.rest ??= this.appendChild(h("div"));
  }

  #say(tone, ...inside) {
    this.said.className = `console-outcome console-outcome--${tone}`;
    this.said.replaceChildren(...inside);
    this.rest.replaceChildren();
  }
  doing(text) {
    this.#say("doing", text);
  }
  /** `more` is shown below the sentence: a list of what happened, a key. */
  done(text, call, ...more) {
    this.#say("done", text);
    this.rest.append(...more, ...(call ? [asCurl(call)] : []));
    this.scrollIntoView({ block: "nearest" });
  }
  refused({ message, problem = {}, call }) {
    const page = problem.type && new URL(problem.type, location).pathname;
    this.#say(
      "refused",
      message,
      /[.!?]$/.test(message) ? " " : ". ",
      page ? h("a", { href: page }, "What this means, and what to do") : "",
    );
    const errors = (problem.errors ?? []).map((error) =>
      h(
        "li",
        {},
        [error.pointer ?? error.parameter ?? error.name, error.detail ?? error.message].filter(Boolean).join(": "),
      ),
    );
    if (errors.length) this.rest.append(h("ul", {}, errors));
    if (call) this.rest.append(asCurl(call));
    this.scrollIntoView({ block: "nearest" });
  }
  clear() {
    this.#say("none");
  }
}
customElements.define("console-outcome", Outcome);

export const asCurl = (call, label = "The same with curl") =>
  h("details", { class: "console-curl" }, h("summary", {}, label), copyable(call.curl));

export class Part extends HTMLElement {
  #drawn = false;

  connectedCallback() {
    if (this.#drawn) return;
    this.#drawn = true;
    this.outcome = document.createElement("console-outcome");
    this.draw();
  }

  get console() {
    return this.closest("sandbox-console");
  }
  /** Nothing when this is on the page no more: another sandbox is, or another past. */
  get bench() {
    return this.console?.bench;
  }
  get api() {
    return this.bench.api;
  }

  /** A button that works: it says what it does, and cannot be pressed twice meanwhile. It keeps the focus. */
  button(label, doing, work, { kind = "", ...given } = {}) {
    const made = h(
      "button",
      { type: "button", class: `console-button ${kind && `console-button--${kind}`}`, ...given },
      label,
    );
    made.addEventListener("click", () => this.act(made, doing, () => work(made)));
    return made;
  }

  /** `work` answers what to say: `[sentence, call, ...more]`, or nothing. */
  async act(button, doing, work) {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    if (doing) this.outcome.doing(doing);
    try {
      const said = await work();
      if (said) this.outcome.done(...said);
      else if (doing) this.outcome.clear();
    } catch (refused) {
      if (!this.isConnected) return;
      if (!(refused instanceof Refusal)) throw refused;
      this.outcome.refused(refused);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  /** Load something without a button. */
  async load(work) {
    if (!this.isConnected) return;
    try {
      await work();
    } catch (refused) {
      if (!this.isConnected) return;
      if (!(refused instanceof Refusal)) throw refused;
      if (!this.bench?.signal.aborted) this.outcome.refused(refused);
    }
  }
}
