// What goes wrong because you want it to: on one call that is tried here, or on all calls of this sandbox.

import { coded, copyable, h, select } from "./dom.js";
import { Part, asCurl } from "./part.js";

const ON_TRIAL = "/customers?limit=1";
const LOST = "drop=after-commit";
const SHARES = [
  ["100", "every call"],
  ["50", "half of the calls"],
  ["10", "one call in ten"],
];
const FAULTS = [
  ["latency=2000", "Slow", "Every answer comes two seconds later."],
  ["status=429;retry-after=5", "Too many requests", "429, with Retry-After: is your program patient?"],
  ["status=500", "An error of ours", "500: nothing is known of what became of it."],
  ["status=503;retry-after=5", "Not available", "503, with Retry-After: it was not done, try again later."],
  ["drop=before", "Dropped before", "The connection ends and nothing was done."],
  [LOST, "Dropped after", "It was done, but the answer is lost: is a second try safe?"],
  ["drop=mid-body", "Cut in the middle", "Half of the answer comes, then the connection ends."],
  [
    "revoke",
    "Revoked in the middle",
    "401 on this and every further call with this key, also if you only try it, until you switch all faults off. `/v1/sandboxes` stays open.",
  ],
  ["webhook=duplicate", "Webhooks twice", "Each event goes to each endpoint a second time, with the same id. Not to `engage webhooks listen`."],
  ["webhook=delay;seconds=60", "Webhooks late", "Each event goes to each endpoint a minute late, by the sandbox's clock. Not to `engage webhooks listen`."],
];

const SAID = ["fault", "methods", "operations", "after", "share", "times", "until"];
/** A rule as it is set: the service also tells how often it was met. */
const setting = (rule) =>
  Object.fromEntries(SAID.filter((name) => ![undefined, null].includes(rule[name])).map((name) => [name, rule[name]]));

function told({ status, headers }) {
  if (status === 0) return "The connection ended without a whole answer: a browser can say no more than that";
  const wait = headers.get("retry-after");
  return `The answer is ${status}${wait ? `, Retry-After: ${wait}` : ""}`;
}

class Faults extends Part {
  draw() {
    this.share = select(SHARES, "100");
    this.share.id = "console-share";
    this.list = h("ul", { class: "console-faults" });
    this.append(
      h("h3", {}, "Make something go wrong"),
      h(
        "p",
        {},
        "A fault that you try is on one call alone, as the header ",
        h("code", {}, "Engage-Fault"),
        " asks for it; only a key that it revoked stays so. One that you switch on is on the calls of this sandbox, also on those of your program, until you switch it off.",
      ),
      h(
        "div",
        { class: "console-field console-field--line" },
        h("label", { for: this.share.id }, "What you switch on is on"),
        this.share,
      ),
      this.outcome,
      this.list,
      this.button("Switch all faults off", "Switching them off…", () => this.#clear()),
    );
    this.list.append(...FAULTS.map(([fault, title, text], at) => this.#fault(fault, title, text, at)));
    this.bench.on("faults", () => this.#show());
    this.#show();
  }

  async renew() {
    this.bench.setFaults((await this.api.get(`${this.bench.path}/faults`)).body.rules, this.bench.revoked);
  }

  #on = (fault) => this.bench.rules.some((rule) => rule.fault === fault);

  #show() {
    FAULTS.forEach(([fault], at) => {
      const on = this.#on(fault);
      const item = this.list.children[at];
      item.classList.toggle("console-fault--on", on);
      item.turn.textContent = on ? "Switch off" : "Switch on";
      item.turn.setAttribute("aria-pressed", String(on));
    });
  }

  #fault(fault, title, text, at) {
    const id = `console-fault-${at}`;
    const about = { "aria-describedby": id };
    const turn = this.button("", "Setting it…", () => this.#set(fault, !this.#on(fault), title), about);
    const item = h(
      "li",
      { class: "console-fault" },
      h("div", { id }, h("strong", {}, title), h("code", { class: "console-fault__name" }, fault), h("p", {}, coded(text))),
      h(
        "div",
        { class: "console-row" },
        fault.startsWith("webhook") ? null : this.button("Try it", "Trying it…", () => this.#try(fault), about),
        turn,
      ),
    );
    item.turn = turn;
    return item;
  }

  async #try(fault) {
    if (fault === LOST) return this.#twice();
    const call = await this.api.send("GET", ON_TRIAL, undefined, { headers: { "Engage-Fault": fault }, asked: true });
    const said = told(call);
    const revoked =
      fault === "revoke"
        ? " This key is revoked now, for everything but /v1/sandboxes: “Switch all faults off” undoes it."
        : "";
    return [
      `${said}. It took ${call.took.toLocaleString("en")} ms.${revoked}`,
      call,
      call.body ? copyable(JSON.stringify(call.body, null, 2)) : "",
    ];
  }

  /** A write whose answer is lost, and the same again. */
  async #twice() {
    const same = { "Idempotency-Key": `try-${Date.now()}` };
    const send = (more) =>
      this.api.send("POST", "/cases", { type: "permit", title: "Tried twice" }, { headers: { ...same, ...more }, asked: true });
    const lost = await send({ "Engage-Fault": LOST });
    const again = await send({});
    const once = again.headers?.get("idempotent-replayed") ? ", the one that was lost: the case was made once" : "";
    return [
      `A case was to be made. ${told(lost)}. The same again, with the same Idempotency-Key. ${told(again)}${once}.`,
      lost,
      asCurl(again, "The second time with curl"),
      again.body ? copyable(JSON.stringify(again.body, null, 2)) : "",
    ];
  }

  async #set(fault, on, title) {
    const rest = this.bench.rules.filter((rule) => rule.fault !== fault).map(setting);
    const rule = { fault, ...(this.share.value !== "100" && { share: Number(this.share.value) }) };
    const call = await this.api.put(`${this.bench.path}/faults`, { rules: on ? [...rest, rule] : rest });
    this.bench.setFaults(call.body.rules, false); // keys that were revoked work again
    this.bench.follow();
    return [`${title}: switched ${on ? "on" : "off"}.`, call];
  }

  async #clear() {
    const call = await this.bench.clearFaults();
    return ["All is well again, also for a key that was revoked by a fault.", call];
  }
}
customElements.define("sandbox-faults", Faults);
