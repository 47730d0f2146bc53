// Who is told what happens: the webhook endpoints of the sandbox, and what became of what was sent to them.

import { copyable, dotted, field, h, show, table } from "./dom.js";
import { Part, asCurl } from "./part.js";
import { count, exact } from "./words.js";

const SHOWN = 10; // deliveries
const SOON = 1_500; // milliseconds: a webhook goes out about a tenth of a second after its event

const howToEnable = () => h("a", { href: "/webhooks/#pause-mend-catch-up" }, "enables it again");

class Webhooks extends Part {
  draw() {
    this.rows = h("div");
    this.append(
      h("h3", {}, "Webhook endpoints"),
      h(
        "p",
        {},
        "What happens is posted to them, signed, and tried again when it is not taken. The clock of the sandbox is theirs, too: go forward, and the next try is due.",
      ),
      this.rows,
      this.button("Look again", "", () => this.fresh()),
      h("section", { class: "console-section" }, this.#form(), this.outcome),
      h(
        "section",
        { class: "console-section", "aria-labelledby": "console-listen" },
        h("h3", { id: "console-listen" }, "Without a server of your own"),
        h(
          "p",
          {},
          "This command posts what happens here to a program on your machine. It comes with the project: ",
          h("code", {}, ".venv/bin/engage"),
          " in its folder. ",
          h("a", { href: "/webhooks-verify/#on-your-own-machine" }, "More about it"),
        ),
        copyable(
          `ENGAGE_API_KEY=$KEY engage webhooks listen \\\n  --url ${location.origin} --forward http://localhost:3000/hook`,
        ),
      ),
    );
    for (const type of ["happened", "world"]) this.bench.on(type, () => this.#soon());
  }

  #soon() {
    if (!this.waiting && this.checkVisibility())
      this.waiting = setTimeout(() => ((this.waiting = 0), this.bench && this.fresh()), SOON);
  }

  async renew() {
    const call = await this.api.get("/webhook-endpoints?sort=-createdAt&limit=5");
    const parts = await Promise.all(call.body.items.map((endpoint) => this.#endpoint(endpoint)));
    this.rows.replaceChildren(
      ...(parts.length ? parts : [h("p", { class: "console-hint" }, "There is none yet.")]),
      asCurl(call),
    );
  }

  async #endpoint({ id, url, types, state, stateReason }) {
    const { body } = await this.api.get(`/webhook-endpoints/${id}/deliveries?limit=${SHOWN}`);
    const rows = body.items.map((sent) => [
      dotted(sent.type),
      sent.state,
      sent.attempts ? this.#attempts(sent) : "0",
      sent.nextAttemptAt ? exact(sent.nextAttemptAt) : "–",
    ]);
    return h(
      "div",
      { class: "console-run" },
      h("h4", {}, h("code", {}, url), " ", h("span", { class: "console-chip" }, stateReason ? `${state}: ${stateReason}` : state)),
      h("p", { class: "console-hint" }, types.length ? types.join(", ") : "all types"),
      state === "disabled" && h("p", {}, "Nothing goes to it, not even what is pending, until your program ", howToEnable(), "."),
      rows.length
        ? table(`deliveries to ${url}`, ["Event", "State", "Attempts", "Next attempt"], rows)
        : h("p", { class: "console-hint" }, "Nothing was sent to it yet."),
    );
  }

  /** How many, as a link to what became of each. */
  #attempts({ id, type, attempts }) {
    const label = `${count(attempts, "attempt")} to deliver ${type}`;
    const look = h("button", { type: "button", class: "console-link", "aria-label": label }, String(attempts));
    look.addEventListener("click", () =>
      this.act(look, "", async () => {
        const call = await this.api.get(`/webhook-deliveries/${id}`);
        const rows = call.body.log.map(({ number, at, answer, error }) => [
          String(number),
          exact(at),
          error ?? "taken",
          answer ? String(answer.status) : "–",
        ]);
        show(label, table(label, ["Attempt", "When, by our clock", "What became of it", "Answer"], rows), asCurl(call));
      }),
    );
    return look;
  }

  #form() {
    const url = field(
      "Where to",
      h("input", {
        type: "url",
        required: true,
        maxlength: "2000",
        autocomplete: "off",
        spellcheck: "false",
        value: "https://hooks.example.org/mine",
      }),
      "Your own. One where nobody listens will do, too: you see each try.",
    );
    const types = field(
      "Which types",
      h("input", { autocomplete: "off", spellcheck: "false", value: "engage.task.*, engage.case.*" }),
      "With commas between them; nothing: all.",
    );
    const form = h(
      "form",
      { "aria-labelledby": "console-endpoint" },
      h("h3", { id: "console-endpoint" }, "Add one"),
      h("p", {}, "It is sent what happens from then on: add it first, then move the clock."),
      url,
      types,
      h("button", { class: "console-button" }, "Add the endpoint"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(event.submitter, "Adding it…", async () => {
        const wanted = types.control.value
          .split(",")
          .map((type) => type.trim())
          .filter(Boolean);
        const call = await this.api.post("/webhook-endpoints", {
          url: url.control.value.trim(),
          ...(wanted.length && { types: wanted }),
        });
        this.fresh();
        return [
          "The endpoint is there. Its secret is shown this once:",
          call,
          copyable(call.body.secret, { line: true }),
        ];
      });
    });
    return form;
  }
}
customElements.define("sandbox-webhooks", Webhooks);
