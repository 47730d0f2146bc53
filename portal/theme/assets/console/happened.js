// Events of the log on the page: one line each, and the whole of it for who wants to see.

import { h, copyable, show } from "./dom.js";
import { brief, clock, late, told } from "./words.js";

/** One event as an item of a list. */
export function line(event, { seconds = false } = {}) {
  const [title, about] = told(event);
  const look = h("button", { type: "button", class: "console-link" }, title);
  look.addEventListener("click", () =>
    show(
      title,
      h("p", {}, "This is the event as the log has it: ", h("code", {}, event.type)),
      copyable(JSON.stringify(event, null, 2)),
    ),
  );
  return h(
    "li",
    { class: late(event) ? "console-event console-event--late" : "console-event" },
    h("time", { datetime: event.time }, seconds ? clock(event.time) : brief(event.time)),
    h("span", { class: "console-event__what" }, look, about && h("span", { class: "console-event__about" }, about)),
  );
}
