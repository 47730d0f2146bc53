// The sandbox's clock: what it says, how it runs, and what happens when it goes forward.

import { Refusal } from "./api.js";
import { field, h, select } from "./dom.js";
import { folded, line } from "./happened.js";
import { Part } from "./part.js";
import { clock, count, day, moment, summary } from "./words.js";

const TICK = 250; // milliseconds
const LOOK = 1_000; // between two looks at an advance that is under way
const SHOWN = 100; // events
const OPEN_TASKS = new Set(["available", "active"]);
const CLOSED_CASES = new Set(["delivered", "confirmed", "withdrawn", "rejected"]);
const PACES = [
  ["1", "as fast as ours"],
  ["60", "a minute each second"],
  ["3600", "an hour each second"],
];

class Clock extends Part {
  draw() {
    this.time = h("span", { class: "console-time" });
    this.date = h("span", { class: "console-date" });
    this.mode = h("span", { class: "console-chip" });
    this.append(
      h(
        "section",
        { class: "console-card console-clock", "aria-labelledby": "console-clock" },
        h("h3", { id: "console-clock" }, "Its clock"),
        h(
          "p",
          { class: "console-face", role: "timer", "aria-labelledby": "console-clock" },
          this.time,
          this.date,
          this.mode,
        ),
        h(
          "div",
          { class: "console-controls" },
          h("div", { class: "console-row", role: "group", "aria-label": "Go forward" }, this.#forward()),
          h("div", { class: "console-row", role: "group", "aria-label": "How it runs" }, this.#pace()),
        ),
        this.outcome,
      ),
    );
    this.bench.on("clock", () => this.#tell());
    this.#tell();
    const ticking = setInterval(() => this.#tick(), TICK);
    this.bench.signal.addEventListener("abort", () => clearInterval(ticking));
  }

  #tell() {
    this.mode.textContent = this.bench.frozen
      ? "frozen"
      : `running, ${PACES.find(([pace]) => Number(pace) === this.bench.clock.pace)?.[1] ?? `${this.bench.clock.pace} times as fast`}`;
    this.#choose(this.bench.frozen ? "" : String(this.bench.clock.pace));
    this.freeze.hidden = this.bench.frozen;
    this.run.textContent = this.bench.frozen ? "Run" : "Change the pace";
    this.#tick();
  }
  /** The pace to choose is the one at which it runs; what somebody is choosing stays, until it runs otherwise. */
  #choose(pace) {
    if (!pace || pace === this.known) return;
    this.known = pace;
    const { control } = this.pace;
    if (![...control.options].some(({ value }) => value === pace))
      control.append(h("option", { value: pace }, `${pace} times as fast`));
    control.value = pace;
  }
  #tick() {
    const now = this.bench.now();
    this.time.textContent = `${clock(now)} UTC`;
    this.date.textContent = day(now);
  }

  #forward() {
    const by = (label, duration, kind) =>
      this.button(`+ ${label}`, `Going ${label} forward…`, () => this.#advance({ by: duration }), { kind });
    return [
      this.button("To the next due moment", "Looking for what is due next…", () => this.#next(), { kind: "first" }),
      by("1 hour", "PT1H"),
      by("1 day", "P1D"),
      by("7 days", "P7D"),
      by("30 days", "P30D"),
    ];
  }

  #pace() {
    const pace = (this.pace = field("Pace", select(PACES, "3600")));
    pace.classList.add("console-field--line");
    this.freeze = this.button("Freeze", "Freezing the clock…", () =>
      this.#set({ mode: "frozen" }, "The clock is frozen: it goes forward when you say so."),
    );
    this.run = this.button("Run", "Setting the clock going…", () =>
      this.#set(
        { mode: "running", pace: Number(pace.control.value) },
        `The clock runs, ${pace.control.selectedOptions[0].textContent}.`,
      ),
    );
    return [pace, this.run, this.freeze];
  }

  async #set(wanted, said) {
    const call = await this.api.patch(`${this.bench.path}/clock`, wanted);
    this.bench.setClock(call.body);
    this.bench.tell("world");
    return [said, call];
  }

  /** The first moment ahead at which something is due that is still open, or an offer ends. */
  async #next() {
    const now = new Date(this.bench.now()).toISOString();
    const ahead = `sort=dueAt&dueFrom=${encodeURIComponent(now)}&limit=100`;
    const [tasks, cases, offers] = await Promise.all(
      [`/tasks?${ahead}`, `/cases?${ahead}`, "/offers?state=active&limit=200"].map((path) =>
        this.api.get(path).then(({ body }) => body.items),
      ),
    );
    const moments = [
      ...tasks
        .filter(({ state }) => OPEN_TASKS.has(state))
        .map(({ dueAt, title }) => [dueAt, `the task “${title}” is due`]),
      ...cases
        .filter(({ state }) => !CLOSED_CASES.has(state))
        .map(({ dueAt, title }) => [dueAt, `the case “${title}” is due`]),
      ...offers.map(({ validUntil, title }) => [validUntil, `the offer “${title}” ends`]),
    ]
      .filter(([at]) => at && at > now)
      .sort();
    if (!moments.length)
      return ["Nothing that is open has a due date ahead. Open a case with one, or reset the sandbox."];
    const [to, why] = moments[0];
    this.outcome.doing(`Going to ${moment(to)}, when ${why}…`);
    return this.#advance({ to });
  }

  async #advance(wanted) {
    const place = await this.bench.place();
    const call = await this.api.post(`${this.bench.path}/clock/advances`, wanted);
    let advance = call.body;
    while (advance.state === "running" && !this.bench.signal.aborted) {
      this.outcome.doing(`Going forward… ${count(advance.moments, "moment")} so far`);
      await new Promise((wake) => setTimeout(wake, LOOK));
      advance = (await this.api.get(`${this.bench.path}/clock/advances/${advance.id}`)).body;
    }
    await this.bench.readClock();
    this.bench.tell("world");
    const span = `The clock went from ${moment(advance.from)} to ${moment(advance.to)}`;
    if (advance.state === "failed") return [`${span}, but not to the end: advance again to go on.`, call];
    const { events, more } = await this.#because(place);
    if (!events) return [`${span}. What happened because of it could not be read just now.`, call];
    if (!events.length) return [`${span}. Nothing was due in between.`, call];
    return [
      `${span}. What happened because of it: ${more ? "more than " : ""}${summary(events)}.`,
      call,
      this.#list(events),
    ];
  }

  /** What happened since; nothing when a fault is on that question. */
  async #because(place) {
    try {
      return await this.bench.since(place);
    } catch (refused) {
      if (refused instanceof Refusal) return {};
      throw refused;
    }
  }

  #list(events) {
    const shown = folded(events);
    const rest = shown.slice(SHOWN).reduce((sum, [, times]) => sum + times, 0);
    return h(
      "div",
      { class: "console-because", role: "group", tabindex: "0", "aria-label": "What happened because of it" },
      h(
        "ol",
        { class: "console-events" },
        shown.slice(0, SHOWN).map(([event, times]) => line(event, { times })),
      ),
      rest > 0 ? h("p", { class: "console-hint" }, `and ${count(rest, "more event")} in the log.`) : null,
    );
  }
}
customElements.define("sandbox-clock", Clock);
