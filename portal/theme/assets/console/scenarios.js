// Stories to play: start one, and watch its steps come true as the sandbox's clock goes on. And any event, by hand.

import { Refusal } from "./api.js";
import { field, h } from "./dom.js";
import { Part, asCurl } from "./part.js";
import { brief, count, from, span } from "./words.js";

const LOOK = 2_000; // milliseconds between two looks at a run

function members(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal({ title: "The members are not JSON", detail: 'Write them as {"title": "A new passport"}.' });
  }
}

class Scenarios extends Part {
  draw() {
    this.list = h("ul", { class: "console-stories" });
    this.runs = h("div");
    this.append(
      h("h3", {}, "Stories to play"),
      h(
        "p",
        {},
        "A story goes by the sandbox's clock: start it, then go forward or let the clock run, and see its steps in the log.",
      ),
      this.list,
      this.outcome,
      this.runs,
      this.#simulate(),
    );
    this.bench.on("clock", () => this.fresh());
    const looking = setInterval(() => !this.bench.frozen && this.fresh(), LOOK);
    this.bench.signal.addEventListener("abort", () => clearInterval(looking));
  }

  renew() {
    return this.stories ? this.#look() : this.#fill();
  }

  async #fill() {
    const call = await this.api.get("/scenarios");
    this.stories = new Map(call.body.items.map((story) => [story.name, story]));
    this.list.replaceChildren(...call.body.items.map((story) => this.#story(story)));
    this.list.after(asCurl(call));
    await this.#look();
  }

  #story({ name, title, story }) {
    const id = `console-story-${name}`;
    const start = this.button(
      "Start",
      `Starting “${title}”…`,
      async () => {
        const call = await this.api.post(`${this.bench.path}/scenario-runs`, { scenario: name });
        this.bench.tell("world");
        return [
          `“${title}” has begun. ${this.bench.frozen ? "The clock is frozen: go forward to see what comes." : "Watch its steps below, go forward, or let the clock run faster."}`,
          call,
        ];
      },
      { "aria-describedby": id },
    );
    return h("li", { class: "console-card" }, h("h4", { id }, title), h("p", {}, story), start);
  }

  async #look() {
    const { body } = await this.api.get(`${this.bench.path}/scenario-runs?limit=5&sort=-createdAt`);
    this.runs.replaceChildren(...body.items.map((run) => this.#run(run)));
  }

  #run(run) {
    const { title, steps } = this.stories.get(run.scenario) ?? { title: run.scenario, steps: [] };
    return h(
      "div",
      { class: "console-run" },
      h(
        "h4",
        {},
        `${title} `,
        h("span", { class: "console-chip" }, `${run.state}: ${run.done} of ${count(run.total, "call")}`),
      ),
      run.reason
        ? h(
            "p",
            {},
            "It ended early: somebody had changed what it was about. ",
            h("a", { href: `/problems/${run.reason}/` }, run.reason),
          )
        : null,
      h(
        "ol",
        { class: "console-steps" },
        steps.map((step) => this.#step(step, run)),
      ),
    );
  }

  #step({ after, says }, run) {
    const at = new Date(Date.parse(run.createdAt) + span(after)).toISOString();
    const done = run.state === "finished" || at < (run.nextAt ?? run.updatedAt);
    return h(
      "li",
      { class: "console-step" },
      h("span", { class: "console-step__mark", "aria-hidden": "true" }, done ? "✓" : "·"),
      h("time", { datetime: at }, brief(at)),
      h(
        "span",
        {},
        says,
        " ",
        h(
          "span",
          { class: "console-hint" },
          done ? "done" : run.state === "running" ? from(at, this.bench.now()) : "not done",
        ),
      ),
    );
  }

  /** The types of the catalogue, to choose from: read when somebody is about to. */
  async #choices(list) {
    const { body } = await this.api.get("/asyncapi.json");
    const types = Object.keys(body.channels.stream.messages).filter((type) => type.startsWith("engage."));
    list.replaceChildren(...types.map((value) => h("option", { value })));
  }

  #simulate() {
    const type = field(
      "Type",
      h("input", {
        required: true,
        maxlength: "128",
        autocomplete: "off",
        spellcheck: "false",
        value: "engage.case.delivered.v1",
        list: "console-types",
      }),
    );
    const types = h("datalist", { id: "console-types" });
    type.control.addEventListener("focus", () => this.load(() => this.#choices(types)), { once: true });
    const subject = field(
      "Subject (an id, if you like)",
      h("input", { maxlength: "128", autocomplete: "off", spellcheck: "false" }),
    );
    const data = field(
      "Members that differ, as JSON",
      h("textarea", { rows: "3", spellcheck: "false", placeholder: '{"title": "A new passport"}' }),
      "Leave it empty, and the event tells of the newest resource of its kind, as if that had just happened to it.",
    );
    const send = h("button", { class: "console-button" }, "Send the event");
    const form = h("form", {}, type, types, subject, data, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(event.submitter, "Writing the event…", async () => {
        const about = subject.control.value.trim();
        const call = await this.api.post(`${this.bench.path}/events/_simulate`, {
          type: type.control.value.trim(),
          ...(about && { subject: about }),
          ...(data.control.value.trim() && { data: members(data.control.value) }),
        });
        this.bench.tell("world");
        return ["The event is in the log, and goes to webhooks and streams like any other.", call];
      });
    });
    return h(
      "section",
      { class: "console-section", "aria-labelledby": "console-simulate" },
      h("h3", { id: "console-simulate" }, "Send an event that did not happen"),
      h(
        "p",
        {},
        "Any type of ",
        h("a", { href: "/events/#types" }, "the catalogue"),
        ", to see what your program does with it.",
      ),
      form,
    );
  }
}
customElements.define("sandbox-scenarios", Scenarios);
