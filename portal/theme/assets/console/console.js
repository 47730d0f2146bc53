// The sandbox console: what there is before a sandbox, and around one. Each part is an element in a file of its own.

import "./keys.js";
import "./trouble.js";
import "./clock.js";
import "./world.js";
import "./log.js";
import "./scenarios.js";
import "./faults.js";
import "./webhooks.js";
import "./copies.js";
import "./calls.js";
import { Refusal } from "./api.js";
import { h, sure } from "./dom.js";
import { progress } from "./start.js";
import { Bench, choose, current, forget, keep, kept } from "./tab.js";
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
  keys = document.createElement("sandbox-keys");

  connectedCallback() {
    if (current()) this.enter({});
    else this.replaceChildren(document.createElement("sandbox-start"));
  }

  /** Show the sandbox that this tab works with. With `key` it was just made: that is shown now and never again. */
  async enter({ call = null, key = "", said = "" }) {
    this.#leave();
    const bench = (this.bench = new Bench(current()));
    if (key) this.keys.add({ ...current(), key }, call);
    const wait = document.createElement("console-outcome");
    this.replaceChildren(h("h2", { tabindex: "-1" }, current().name), this.keys, wait);
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
      this.keys,
      ...(said ? [h("p", { role: "status", class: "console-outcome console-outcome--done" }, said)] : []),
      document.createElement("sandbox-trouble"),
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
    const gone = "The sandbox is deleted, with everything in it.";
    const start = this.#put(refused ? "That sandbox is no more." : gone);
    if (refused) start?.outcome.refused(refused);
    else start?.outcome.done(`${gone} You can make another.`);
  }

  /** Forget the key of this sandbox and show another of this tab, saying `what` became of this one; or the beginning. */
  #put(what) {
    const { id } = current();
    this.#leave();
    forget(id);
    this.keys.drop(id);
    if (current()) return void this.enter({ said: `${what} This is another one of this tab.` });
    const start = document.createElement("sandbox-start");
    this.replaceChildren(start);
    return start;
  }

  /** A sandbox was made out of this one. This tab keeps its key, and goes on with what it is at. */
  another(call) {
    const { id } = current();
    keep(call.body);
    choose(id);
    this.#choices();
    this.keys.add(call.body, call, () => (choose(call.body.id), this.enter({})));
  }

  #head() {
    const { sandbox } = this.bench;
    this.others = h("div", { class: "console-row" });
    this.#choices();
    const leave = h("button", { type: "button", class: "console-button" }, "Leave it");
    leave.addEventListener("click", () => this.#forget());
    return h(
      "header",
      { class: "console-head" },
      h("div", {}, h("h2", { tabindex: "-1" }, sandbox.name), h("p", { class: "console-facts" }, this.#facts())),
      h(
        "div",
        { class: "console-row" },
        this.others,
        leave,
      ),
    );
  }

  #choices() {
    const options = kept().map(({ id, name }) =>
      h("option", { value: id, selected: id === this.bench?.id }, `${name} · ${id.slice(-6)}`),
    );
    const chosen = h("select", { id: "console-chosen" }, options);
    chosen.addEventListener("change", () => (choose(chosen.value), this.enter({})));
    if (options.length > 1) this.others?.replaceChildren(h("label", { for: chosen.id }, "Sandboxes of this tab"), chosen);
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
    const { name } = this.bench.sandbox;
    const text =
      "This tab forgets its key, which nothing shows again: you come back only with a copy of it. The sandbox itself lives on until its end.";
    if (!(await sure(`Leave “${name}”?`, text, "Leave it and forget the key"))) return;
    const what = `This tab has forgotten the key of “${name}”.`;
    this.#put(what)?.outcome.done(`${what} The sandbox lives on until its end, for who has kept the key.`);
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
      panels[to].firstChild.fresh();
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
