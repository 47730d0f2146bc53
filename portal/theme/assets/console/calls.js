// What this page has asked of the API, so that you can do the same.

import { h } from "./dom.js";
import { Part, asCurl } from "./part.js";
import { clock } from "./words.js";

const KEPT = 50; // calls that only read, and as many others

class Calls extends Part {
  #calls = [];

  /** Listen from the beginning, also while nobody looks. */
  begin(api, made) {
    if (made) this.#calls.push(made);
    api.addEventListener("call", ({ detail }) => {
      const alike = this.#calls.filter(({ method }) => (method === "GET") === (detail.method === "GET"));
      this.#calls = [detail, ...this.#calls.filter((call) => call !== alike[KEPT - 1])];
      if (this.list) this.#show();
    });
  }

  draw() {
    this.reads = h("input", { type: "checkbox", id: "console-reads" });
    this.reads.addEventListener("change", () => this.#show());
    this.list = h("ol", { class: "console-calls" });
    this.append(
      h("h3", {}, "What this page has asked"),
      h(
        "p",
        {},
        "Nothing here can be done that the API cannot do: these are the calls, with your key as ",
        h("code", {}, "$KEY"),
        ".",
      ),
      h("p", {}, this.reads, h("label", { for: this.reads.id }, " Also those that only read")),
      this.list,
    );
    this.#show();
  }

  #show() {
    const shown = this.#calls.filter(({ method }) => this.reads.checked || method !== "GET");
    const items = shown.map((call) =>
      h(
        "li",
        {},
        asCurl(
          call,
          `${clock(call.at)}  ${call.method} ${call.path.split("?")[0]} → ${call.status || "no answer"}, ${call.took} ms`,
        ),
      ),
    );
    this.list.replaceChildren(
      ...(items.length ? items : [h("li", { class: "console-hint" }, "Nothing that changes anything yet.")]),
    );
  }
}
customElements.define("sandbox-calls", Calls);
