// The log as it is written: the newest first.

import { h } from "./dom.js";
import { top } from "./happened.js";
import { Part } from "./part.js";

const KEPT = 60; // events
const MOST = 500; // that wait

class Log extends Part {
  draw() {
    this.list = h("ol", { class: "console-events" });
    this.none = h(
      "p",
      { class: "console-hint" },
      "Nothing since you opened this page. What you do, and what time does, shows up here at once.",
    );
    this.pause = h("button", { type: "button", class: "console-small", "aria-pressed": "false" }, "Pause");
    this.pause.addEventListener("click", () => this.#turn());
    this.append(
      h(
        "section",
        { class: "console-card", "aria-labelledby": "console-log" },
        h(
          "div",
          { class: "console-row console-row--apart" },
          h("h3", { id: "console-log" }, "The log, live"),
          this.pause,
        ),
        this.none,
        h("div", { class: "console-live", role: "region", tabindex: "0", "aria-label": "Events, the newest first" }, this.list),
        h(
          "p",
          { class: "console-hint" },
          "The same as ",
          h("code", {}, "GET /v1/events/stream"),
          ". Open an event to see all of it. ",
          h("a", { href: "/taps/" }, "How to follow it"),
        ),
      ),
    );
    this.waiting = [];
    this.bench.on("happened", ({ detail }) => this.#take(detail));
  }

  #take(event) {
    this.waiting.push(event);
    if (this.waiting.length > MOST) this.waiting.splice(0, this.waiting.length - KEPT); // while nobody looks
    if (this.pause.getAttribute("aria-pressed") === "true" || this.due) return;
    this.due = requestAnimationFrame(() => this.#write()); // a thousand at once are one change of the page
  }

  #write() {
    this.due = 0;
    const newest = this.waiting.splice(0);
    if (!newest.length) return;
    this.none.remove();
    top(this.list, newest);
    while (this.list.childElementCount > KEPT) this.list.lastChild.remove();
  }

  #turn() {
    const paused = this.pause.getAttribute("aria-pressed") !== "true";
    this.pause.setAttribute("aria-pressed", String(paused));
    if (!paused) this.#write();
  }
}
customElements.define("sandbox-log", Log);
