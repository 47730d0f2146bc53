// The beginning: make a sandbox, or bring a key.

import { Api, Refusal } from "./api.js";
import { field, h, select, unique } from "./dom.js";
import { Part } from "./part.js";
import { keep } from "./tab.js";
import { count } from "./words.js";

const SIZES = [
  ["tiny", "tiny: a dozen customers, ready at once"],
  ["small", "small: a hundred customers, after a moment"],
];
const TEST_KEY = /\beng_test_[a-z]+_[0-9A-Za-z]{36}\b/; // also within what was copied: export KEY=…
const OWN = "console-own-key";
const AT_ONCE = 5; // sandboxes whose logs are asked for

const [ELSEWHERE, PERHAPS, HERE, UNKNOWN] = [0, 1, 2, 3];
/** Whether the log that a key opens is that of a sandbox; perhaps, when it went on meanwhile; unknown, when not told. */
async function fits(api, { id }) {
  const ask = (path) => api.send("GET", path, undefined, { asked: true });
  const of = await ask(`/sandboxes/${id}/log-hash`);
  if (of.status !== 200) return of.status === 404 ? ELSEWHERE : UNKNOWN;
  const { lastEventId } = of.body;
  const { status, body } = await ask(`/events?limit=1${lastEventId ? `&after=${lastEventId}` : ""}`);
  if (status !== 200) return status === 400 || status === 410 ? ELSEWHERE : UNKNOWN;
  return body.items.length ? PERHAPS : HERE;
}

class Start extends Part {
  draw() {
    this.append(
      h(
        "div",
        { class: "console-doors" },
        h(
          "section",
          { class: "console-card", "aria-labelledby": "console-make" },
          h("h2", { id: "console-make" }, "Make a sandbox"),
          h(
            "p",
            {},
            "A world of its own, with customers, cases and offers in it. No account, no form: it lives for three days and then ends by itself. Its key is shown once.",
          ),
          this.#form(),
        ),
        h(
          "section",
          { class: "console-card", "aria-labelledby": "console-bring" },
          h("h2", { id: "console-bring" }, "Bring a key of your own"),
          h("p", {}, "Of a sandbox that you made elsewhere. It stays in this tab and is gone when you close it."),
          this.#bring(),
        ),
      ),
      this.outcome,
    );
  }

  #form() {
    const name = field("Name", h("input", { maxlength: "200", autocomplete: "off", placeholder: "Sandbox" }));
    const size = field("Size", select(SIZES, "tiny"));
    const seed = field(
      "Seed",
      h("input", { maxlength: "64", autocomplete: "off" }),
      "The same seed makes the same world, with the same ids.",
    );
    const frozen = h("input", { type: "checkbox", id: unique("frozen") });
    const wanted = () => ({
      ...(name.control.value.trim() && { name: name.control.value.trim() }),
      ...(size.control.value !== "tiny" && { size: size.control.value }),
      ...(seed.control.value.trim() && { seed: seed.control.value.trim() }),
      ...(frozen.checked && { clock: { mode: "frozen" } }),
    });
    return [
      h(
        "details",
        { class: "console-more" },
        h("summary", {}, "Choose its name, size, seed or clock"),
        name,
        size,
        seed,
        h("p", {}, frozen, h("label", { for: frozen.id }, " Its clock stands still until you move it")),
      ),
      this.button("Make a sandbox", "Making a world…", () => this.#make(wanted()), { kind: "first" }),
    ];
  }

  async #make(wanted) {
    const call = await new Api().post("/sandboxes", wanted);
    keep(call.body);
    this.console.enter({ call, key: call.body.key });
  }

  #bring() {
    const key = field(
      "Key",
      h("input", {
        id: OWN,
        type: "password",
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "eng_test_key_…",
        required: true,
      }),
    );
    const form = h("form", {}, key, h("button", { class: "console-button" }, "Open the sandbox"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(event.submitter, "Looking for its sandbox…", () => this.#open(key.control.value));
    });
    return form;
  }

  async #open(text) {
    const key = text.match(TEST_KEY)?.[0];
    if (!key) {
      throw new Refusal({
        title: "That is no key of a sandbox",
        detail: "Those begin with eng_test_ and are some 50 characters long. What you typed was sent nowhere.",
      });
    }
    const api = new Api(key);
    const own = await this.#own(api);
    if (own.length === 1) return void this.#enter(own[0], key);
    if (!own.length) throw new Refusal({ title: "No sandbox that can be managed here belongs to this key" });
    const choices = own.map((sandbox) =>
      this.button(`${sandbox.name} · ${sandbox.id}`, "", async () => {
        if (!(await this.#own(api)).some(({ id }) => id === sandbox.id))
          throw new Refusal({
            title: `This key was not made in “${sandbox.name}”`,
            detail: "What it opens has another log by now. Open it once more: now it can be told which one it is of",
          });
        this.#enter(sandbox, key);
      }),
    );
    return [
      "This key may have been made in any of these: they are alike to the last event, such as a copy and what it was made from, or could not be looked at now. Which one was it made in?",
      null,
      h("div", { class: "console-row" }, choices),
    ];
  }

  #enter(sandbox, key) {
    keep({ ...sandbox, key });
    this.console.enter({});
  }

  /** Of the sandboxes that a key manages those that it may have been made in: what it opens has their log. */
  async #own(api) {
    const { items } = (await api.get("/sandboxes?limit=200")).body;
    if (items.length < 2) return items;
    const found = [];
    for (let at = 0; at < items.length; at += AT_ONCE)
      found.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map((sandbox) => fits(api, sandbox)))));
    if (found.includes(UNKNOWN)) return items.filter((_, at) => found[at] !== ELSEWHERE);
    const best = Math.max(PERHAPS, ...found);
    return items.filter((_, at) => found[at] === best);
  }
}
customElements.define("sandbox-start", Start);

export const progress = (work) =>
  work?.total ? `Working on it: ${work.done.toLocaleString("en")} of ${count(work.total, "thing")}…` : "Working on it…";
