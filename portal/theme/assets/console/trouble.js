// A line for whoever wonders what is wrong: faults are switched on, or one of them has revoked the key.

import { h } from "./dom.js";
import { Part } from "./part.js";

class Trouble extends Part {
  draw() {
    this.text = h("p", { role: "status" });
    const off = this.button("Switch faults off", "Switching them off…", async () => {
      const call = await this.bench.clearFaults();
      this.console.querySelector("h2").focus();
      return ["The faults are switched off: all is well again.", call];
    });
    this.box = h("section", { class: "console-trouble", "aria-label": "Faults", hidden: true }, this.text, off);
    this.append(this.box, this.outcome);
    this.bench.on("faults", () => this.#tell());
    this.bench.api.addEventListener("call", ({ detail }) => this.#notice(detail));
  }

  /** A call went wrong that a fault may have been on; there are none at /v1/sandboxes. */
  #notice({ path, status }) {
    if (path.startsWith("/sandboxes") || (status > 0 && status < 429 && status !== 401) || this.looking) return;
    this.looking = this.renew(status === 401 || this.bench.revoked).finally(() => (this.looking = null));
  }

  async renew(revoked = this.bench.revoked) {
    const { bench } = this;
    const path = `${bench.path}/faults`;
    const { status, body } = await bench.api.send("GET", path, undefined, { asked: true });
    if (status === 200) bench.setFaults(body.rules, revoked);
  }

  #tell() {
    const { rules, revoked } = this.bench;
    this.box.hidden = !rules.length && !revoked;
    if (!this.box.hidden) this.outcome.clear();
    const faults = rules.flatMap(({ fault, share }) => [
      " ",
      h("code", {}, fault),
      share && share < 100 ? ` (${share} of 100 calls)` : "",
    ]);
    this.text.replaceChildren(
      ...(rules.length ? ["Faults are switched on in this sandbox, for this page as for your program:", ...faults, ". "] : []),
      ...(revoked ? ["A fault has revoked your key: it opens nothing but ", h("code", {}, "/v1/sandboxes"), "."] : []),
    );
  }
}
customElements.define("sandbox-trouble", Trouble);
