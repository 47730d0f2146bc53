// The sandbox console: what there is before a sandbox, and around one. Each part is an element in a file of its own.

import "./clock.js";
import "./world.js";
import "./log.js";
import "./scenarios.js";
import "./faults.js";
import "./webhooks.js";
import "./copies.js";
import "./calls.js";
import { Refusal } from "./api.js";
import { copyable, h } from "./dom.js";
import { asCurl } from "./part.js";
import { progress } from "./start.js";
import { Bench, choose, current, forget, forgetAll, kept } from "./tab.js";
import { moment } from "./words.js";

const GONE = new Set([401, 404]);
const PANELS = [
  ["world", "Look around"],
  ["scenarios", "Scenarios"],
  ["faults", "Faults"],
  ["webhooks", "Webhooks"],
  ["copies", "Reset and copies"],
  ["calls", "Calls"],
];

class Console extends HTMLElement {
  bench = null;

  connectedCallback() {
    if (current()) this.enter({});
    else this.replaceChildren(document.createElement("sandbox-start"));
  }

  /** Show the sandbox that this tab works with. With `key` it was just made: that is shown now and never again. */
  async enter({ call = null, key = "", said = "" }) {
    this.#leave();
    const bench = (this.bench = new Bench(current()));
    const once = key ? [this.#key(key, call)] : [];
    const wait = document.createElement("console-outcome");
    this.replaceChildren(h("h2", { tabindex: "-1" }, current().name), ...once, wait);
    wait.doing("Opening the sandbox…");
    try {
      await bench.ready(({ work }) => wait.doing(progress(work)));
    } catch (refused) {
      if (!(refused instanceof Refusal)) throw refused;
      return GONE.has(refused.call.status) ? this.gone(refused) : wait.refused(refused);
    }
    if (bench.signal.aborted) return;
    const calls = document.createElement("sandbox-calls");
    calls.begin(bench.api, call);
    const head = this.#head();
    this.replaceChildren(
      head,
      ...once.filter((box) => box.isConnected), // it may have been copied and put away meanwhile
      ...(said ? [h("p", { role: "status", class: "console-outcome console-outcome--done" }, said)] : []),
      document.createElement("sandbox-clock"),
      h("div", { class: "console-grid" }, this.#panels(calls), document.createElement("sandbox-log")),
    );
    bench.follow();
    head.querySelector("h2").focus();
  }

  #leave() {
    this.bench?.end();
    this.bench = null;
  }

  /** The sandbox is no more, or the key does not open it. */
  gone(refused) {
    const { id } = current();
    this.#leave();
    forget(id);
    const what = refused ? "That sandbox is no more." : "The sandbox is deleted, with everything in it.";
    if (current()) return this.enter({ said: `${what} This is another one of this tab.` });
    const start = document.createElement("sandbox-start");
    this.replaceChildren(start);
    if (refused) start.outcome.refused(refused);
    else start.outcome.done("The sandbox is deleted, with everything in it. You can make another.");
  }

  #head() {
    const { sandbox } = this.bench;
    const others = kept();
    const chosen = h(
      "select",
      { id: "console-chosen" },
      others.map(({ id, name }) =>
        h("option", { value: id, selected: id === sandbox.id }, `${name} · ${id.slice(-6)}`),
      ),
    );
    chosen.addEventListener("change", () => (choose(chosen.value), this.enter({})));
    const leave = h("button", { type: "button", class: "console-button" }, "Leave it");
    leave.addEventListener("click", () => this.#forget());
    return h(
      "header",
      { class: "console-head" },
      h("div", {}, h("h2", { tabindex: "-1" }, sandbox.name), h("p", { class: "console-facts" }, this.#facts())),
      h(
        "div",
        { class: "console-row" },
        others.length > 1 ? [h("label", { for: chosen.id }, "Sandboxes of this tab"), chosen] : null,
        leave,
      ),
    );
  }

  #facts() {
    const { sandbox } = this.bench;
    const facts = [
      ["Id", h("code", {}, sandbox.id)],
      ["Size", sandbox.size],
      ["Seed", h("code", {}, sandbox.seed)],
      ...(sandbox.state === "ready" ? [] : [["State", sandbox.state]]),
      ["Ends", sandbox.expiresAt ? moment(sandbox.expiresAt) : "never"],
    ];
    return facts.map(([name, value]) => h("span", {}, `${name} `, value));
  }

  async #forget() {
    this.#leave();
    forgetAll();
    const start = document.createElement("sandbox-start");
    this.replaceChildren(start);
    start.outcome.done(
      "This tab has forgotten the keys. The sandboxes live on until their end, for who has kept a key.",
    );
  }

  #key(key, call) {
    const box = h("section", { class: "console-key", "aria-labelledby": "console-key" });
    const done = h("button", { type: "button", class: "console-button console-button--first" }, "I have copied it");
    done.addEventListener("click", () => {
      box.remove();
      this.querySelector("h2").focus();
    });
    box.append(
      h("h3", { id: "console-key" }, "Your key: it is shown this once"),
      h(
        "p",
        {},
        "This tab keeps it (in its sessionStorage) and sends it to this service alone. When you close the tab it is gone, so copy it if you want to go on in a terminal or come back:",
      ),
      copyable(`export KEY=${key}`, { line: true }),
      h("div", { class: "console-row" }, done),
      ...(call ? [asCurl(call, "How it was made, with curl")] : []),
    );
    return box;
  }

  #panels(calls) {
    const tabs = PANELS.map(([name, label], at) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `console-tab-${name}`,
          "aria-controls": `console-panel-${name}`,
          "aria-selected": String(at === 0),
          tabindex: at ? "-1" : "0",
        },
        label,
      ),
    );
    const panels = PANELS.map(([name], at) =>
      h("div", {
        role: "tabpanel",
        id: `console-panel-${name}`,
        "aria-labelledby": `console-tab-${name}`,
        hidden: at > 0,
      }),
    );
    const fill = (at) =>
      panels[at].append(PANELS[at][0] === "calls" ? calls : document.createElement(`sandbox-${PANELS[at][0]}`));
    const turn = (to) => {
      if (!panels[to].firstChild) fill(to); // nothing is asked for before somebody looks
      tabs.forEach((tab, at) => {
        tab.setAttribute("aria-selected", String(at === to));
        tab.tabIndex = at === to ? 0 : -1;
        panels[at].hidden = at !== to;
      });
      tabs[to].focus();
    };
    const list = h("div", { role: "tablist", class: "console-tabs", "aria-label": "What to do with it" }, tabs);
    list.addEventListener("click", (event) => tabs.includes(event.target) && turn(tabs.indexOf(event.target)));
    list.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.length, End: tabs.length }[key];
      const at = tabs.indexOf(document.activeElement);
      if (step) turn(Math.abs(step) === 1 ? (at + step + tabs.length) % tabs.length : step < 0 ? 0 : tabs.length - 1);
    });
    fill(0);
    return h("div", { class: "console-main" }, list, panels);
  }
}
customElements.define("sandbox-console", Console);
