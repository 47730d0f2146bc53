// What is in the sandbox: who lives there, and its customers, cases, tasks and offers.

import { copyable, h, show, table } from "./dom.js";
import { line } from "./happened.js";
import { Part, asCurl } from "./part.js";
import { brief, from } from "./words.js";

const AT_ONCE = 10; // rows
const SOON = 1_500; // milliseconds, from an event to the page with it
const LOOK = 2_000; // between two looks while the clock runs faster than ours
const OPEN_TASKS = new Set(["available", "active"]);
const OPEN_CASES = new Set(["received", "accepted", "in-progress", "waiting"]);
const WITH_DUES = [
  ["next", "due next", (now) => `sort=dueAt&dueFrom=${now}`],
  ["over", "overdue", (now) => `sort=-dueAt&dueUntil=${now}`],
  ["new", "the newest", () => "sort=-createdAt"],
];
const NEWEST = [["new", "the newest", () => "sort=-createdAt"]];

const KINDS = {
  customers: {
    orders: [["name", "by name", () => "sort=displayName"], ...NEWEST],
    heads: ["Name", "State", "Language", "Segments"],
    cells: (one) => [one.state, one.preferences?.language ?? "–", one.segments?.join(", ") || "–"],
  },
  cases: {
    orders: WITH_DUES,
    open: OPEN_CASES,
    heads: ["Title", "State", "Due", "Kind"],
    cells: (one, now) => [one.state, due(one, now, OPEN_CASES), one.type],
  },
  tasks: {
    orders: WITH_DUES,
    open: OPEN_TASKS,
    heads: ["Title", "State", "Due", "Assignee"],
    cells: (one, now) => [one.state, due(one, now, OPEN_TASKS), one.assignee ?? "–"],
  },
  offers: {
    orders: NEWEST,
    heads: ["Title", "State", "Valid from", "Valid until"],
    cells: (one) => [one.state, time(one.validFrom), time(one.validUntil)],
  },
};

const time = (at) => (at ? h("time", { datetime: at }, brief(at)) : "–");

function due(one, now, open) {
  if (!one.dueAt) return "–";
  const over = open.has(one.state) && Date.parse(one.dueAt) <= now;
  const how = open.has(one.state) ? ` (${over ? "overdue, " : ""}${from(one.dueAt, now)})` : "";
  return h("span", { class: over ? "console-late" : null }, time(one.dueAt), how);
}

class World extends Part {
  draw() {
    this.numbers = {};
    this.order = h("select", { id: "console-order" });
    this.order.addEventListener("change", () => this.fresh());
    this.rows = h("div");
    this.append(
      h("h3", {}, "What is in it"),
      h("div", { class: "console-row", role: "group", "aria-label": "What to look at" }, this.#kinds()),
      h("div", { class: "console-field console-field--line" }, h("label", { for: this.order.id }, "Show"), this.order),
      this.outcome,
      this.rows,
    );
    this.#people();
    this.bench.on("happened", () => this.#soon());
    const { bench } = this;
    const looking = setInterval(() => !bench.frozen && bench.clock.pace > 1 && this.#soon(), LOOK);
    bench.signal.addEventListener("abort", () => clearInterval(looking));
  }

  renew() {
    if (!this.kind) this.#choose("cases");
    return Promise.all([this.#count(), this.#fill()]);
  }

  #kinds() {
    this.kinds = Object.keys(KINDS).map((kind) => {
      this.numbers[kind] = h("strong", {}, "…");
      const button = h("button", { type: "button", class: "console-count" }, this.numbers[kind], kind);
      button.addEventListener("click", () => (this.#choose(kind), this.fresh()));
      return button;
    });
    return this.kinds;
  }

  async #count() {
    for (const [kind, number] of Object.entries(this.numbers)) {
      const { body } = await this.api.get(`/${kind}?count=true&limit=1`);
      number.textContent = body.count.toLocaleString("en");
    }
  }

  /** It follows the log and the clock; what is shown above the page meanwhile has to give the focus back to a row. */
  #soon() {
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      if (!this.bench || this.bench.signal.aborted) return;
      if (document.querySelector("dialog[open]")) this.#soon();
      else this.fresh();
    }, SOON);
  }

  /** Other rows, where the focus, the place and what was unfolded stay. */
  #put(...made) {
    const { rows } = this;
    const focused = rows.contains(document.activeElement) && document.activeElement;
    const { path } = focused?.dataset ?? {};
    const [left, open] = [rows.firstChild?.scrollLeft ?? 0, rows.querySelector("details")?.open ?? false];
    rows.replaceChildren(...made);
    rows.firstChild.scrollLeft = left;
    rows.querySelector("details").open = open;
    if (!focused) return;
    const same = path ? `[data-path="${path}"]` : focused.classList[0] ? `.${focused.classList[0]}` : focused.localName;
    rows.querySelector(same)?.focus({ preventScroll: true });
  }

  #people() {
    const { personas } = this.bench.sandbox;
    if (!personas?.length) return;
    const card = ({ name, role, language, customerId, story }) =>
      h(
        "li",
        { class: "console-persona" },
        h("strong", {}, name),
        h("span", {}, [role, language].filter(Boolean).join(" · ")),
        h("p", {}, story ?? ""),
        customerId && this.#opener("Their record", `/customers/${customerId}`, name),
      );
    this.append(h("h3", {}, "People to begin with"), h("ul", { class: "console-personas" }, personas.map(card)));
  }

  #choose(kind) {
    this.kind = kind;
    Object.keys(KINDS).forEach((one, at) => this.kinds[at].setAttribute("aria-pressed", String(one === kind)));
    this.order.replaceChildren(...KINDS[kind].orders.map(([value, text]) => h("option", { value }, text)));
  }

  async #fill() {
    const { kind } = this;
    const { orders, heads, cells, open } = KINDS[kind];
    const now = this.bench.now();
    const [order, , query] = orders.find(([value]) => value === this.order.value);
    const call = await this.api.get(
      `/${kind}?${query(encodeURIComponent(new Date(now).toISOString()))}&limit=${open && order !== "new" ? 50 : AT_ONCE}`,
    );
    const items = call.body.items.filter(({ state }) => order === "new" || !open || open.has(state)).slice(0, AT_ONCE);
    if (kind !== this.kind || order !== this.order.value) return; // somebody was faster and chose another
    const rows = items.map((one) => [
      this.#opener(one.displayName ?? one.title, `/${kind}/${one.id}`),
      ...cells(one, now),
    ]);
    const found = rows.length
      ? table(`${kind}, ${this.order.selectedOptions[0].textContent}`, heads, rows)
      : h("p", { class: "console-hint" }, `No ${kind} to show here.`);
    this.#put(found, asCurl(call));
  }

  /** A link that shows a thing whole, with what happened to it. */
  #opener(label, path, name = label) {
    const button = h("button", { type: "button", class: "console-link", "data-path": path }, label);
    button.addEventListener("click", () =>
      this.act(button, "", async () => {
        const call = await this.api.get(path);
        const { items } = await this.api.pages(`/events?subject=${call.body.id}&limit=50`, 50);
        show(
          name,
          h(
            "div",
            {},
            copyable(JSON.stringify(call.body, null, 2)),
            asCurl(call),
            h("h3", {}, "What happened to it"),
            h(
              "ol",
              { class: "console-events" },
              items.map((event) => line(event)),
            ),
          ),
        );
      }),
    );
    return button;
  }
}
customElements.define("sandbox-world", World);
