// What every part of the console can do: find the bench, work for a button, say what came of it.

import { Refusal } from "./api.js";
import { coded, copyable, h, sure } from "./dom.js";

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
    this.#tell(message, problem, call);
    this.scrollIntoView({ block: "nearest" });
  }
  /** Something could not be loaded: what is shown is what was there before. It leaves the page where it is. */
  old({ message, problem = {}, call }, again) {
    this.#tell(`This could not be loaded just now; what you see may be old. ${message}`, problem, call);
    const button = h("button", { type: "button", class: "console-button console-button--small" }, "Load it again");
    button.addEventListener("click", again);
    this.rest.prepend(button);
  }
  #tell(message, problem, call) {
    const page = problem.type && new URL(problem.type, location).pathname;
    this.#say(
      "refused",
      ...coded(message),
      /[.!?]$/.test(message) ? " " : ". ",
      page ? h("a", { href: page }, "What this means, and what to do") : "",
    );
    const errors = (problem.errors ?? []).map((error) =>
      h(
        "li",
        {},
        coded([error.pointer ?? error.parameter ?? error.name, error.detail ?? error.message].filter(Boolean).join(": ")),
      ),
    );
    if (errors.length) this.rest.append(h("ul", {}, errors));
    if (call) this.rest.append(asCurl(call));
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
    if (!this.renew) return;
    this.age = document.createElement("console-outcome");
    this.prepend(this.age);
    this.fresh();
    this.bench.on("world", () => this.fresh());
  }

  /** Load it anew, if somebody looks: otherwise that is done when its tab is opened. `renew` is what a part loads. */
  fresh() {
    if (this.renew && this.checkVisibility()) this.load(() => this.renew());
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
  button(label, doing, work, { kind = "", ask = null, ...given } = {}) {
    const made = h(
      "button",
      { type: "button", class: `console-button ${kind && `console-button--${kind}`}`, ...given },
      label,
    );
    made.addEventListener("click", () => this.act(made, doing, () => work(made), ask));
    return made;
  }

  /** `work` answers what to say: `[sentence, call, ...more]`, or nothing. `ask` is a question before, as `sure` has it. */
  async act(button, doing, work, ask = null) {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      if (ask && !(await sure(...ask))) return;
      if (doing) this.outcome.doing(doing);
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

  /** Load something without a button, in a part that has `renew`. What cannot be loaded is said until it can. */
  async load(work) {
    if (!this.isConnected) return;
    try {
      await work();
      this.age.clear();
    } catch (refused) {
      if (!this.isConnected) return;
      if (!(refused instanceof Refusal)) throw refused;
      if (!this.bench?.signal.aborted) this.age.old(refused, () => this.fresh());
    }
  }
}
