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
const TEST_KEY = /^eng_test_[a-z]+_[0-9A-Za-z]{36}$/;
const OWN = "console-own-key";

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
      this.button("Make a sandbox", "Making a world…", () => this.#make(wanted()), { kind: "first" }),
      h(
        "details",
        { class: "console-more" },
        h("summary", {}, "Choose its name, size, seed or clock"),
        name,
        size,
        seed,
        h("p", {}, frozen, h("label", { for: frozen.id }, " Its clock stands still until you move it")),
      ),
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
      this.act(event.submitter, "Looking for its sandbox…", () => this.#open(key.control.value.trim()));
    });
    return form;
  }

  async #open(key) {
    if (!TEST_KEY.test(key)) {
      throw new Refusal({
        title: "That is no key of a sandbox",
        detail: "Those begin with eng_test_ and are some 50 characters long. What you typed was sent nowhere.",
      });
    }
    const own = await this.#own(new Api(key));
    if (own.length === 1) return void this.#enter(own[0], key);
    if (!own.length) throw new Refusal({ title: "No sandbox that can be managed here belongs to this key" });
    const choices = own.map((sandbox) =>
      this.button(`${sandbox.name} · ${sandbox.id}`, "", () => void this.#enter(sandbox, key)),
    );
    return [
      "This key manages several sandboxes that are alike. Which one was it made in?",
      null,
      h("div", { class: "console-row" }, choices),
    ];
  }

  #enter(sandbox, key) {
    keep({ ...sandbox, key });
    this.console.enter({});
  }

  /** Of the sandboxes that a key manages those that it may have been made in: it can see their people. */
  async #own(api) {
    const { items } = (await api.get("/sandboxes?limit=200")).body;
    const seen = await Promise.all(
      items.map(async ({ personas }) => {
        const known = personas.find(({ customerId }) => customerId)?.customerId;
        return !known || (await api.send("GET", `/customers/${known}`, undefined, { asked: true })).status === 200;
      }),
    );
    return items.filter((_, at) => seen[at]);
  }
}
customElements.define("sandbox-start", Start);

export const progress = (work) =>
  work?.total ? `Working on it: ${work.done.toLocaleString("en")} of ${count(work.total, "thing")}…` : "Working on it…";
