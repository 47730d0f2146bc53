// Events of the log on the page: one line each, and the whole of it for who wants to see.

import { h, copyable, show } from "./dom.js";
import { brief, late, told } from "./words.js";

/** Whether a story's run only says that it went on: what its step did is an event of its own. */
const goesOn = ({ type }) => type.startsWith("engage.scenario-run.updated.");

/** Events, oldest first, as `[event, times]`: of those by which a run goes on the last, and how many they were. */
export function folded(events) {
  const runs = new Map();
  for (const event of events.filter(goesOn)) runs.set(event.subject, [event, (runs.get(event.subject)?.[1] ?? 0) + 1]);
  return events
    .map((event) => (goesOn(event) ? runs.get(event.subject) : [event, 1]))
    .filter(([event], at) => event === events[at]);
}

/** Put events on top of a list, the newest first. A run that goes on moves up there, instead of being told again. */
export function top(list, events) {
  for (const [event, times] of folded(events)) {
    const before = goesOn(event) ? list.querySelector(`[data-run="${event.subject}"]`) : null;
    const focused = before?.contains(document.activeElement);
    const made = line(event, { times: times + Number(before?.dataset.times ?? 0) });
    before?.remove();
    list.prepend(made);
    if (focused) made.querySelector("button").focus({ preventScroll: true });
  }
}

/** One event as an item of a list; `times`: how many like it this one stands for. */
export function line(event, { times = 1 } = {}) {
  const [title, name] = told(event);
  const about = times > 1 ? `${name}, ${times} times` : name;
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
    {
      class: late(event) ? "console-event console-event--late" : "console-event",
      ...(goesOn(event) && { "data-run": event.subject, "data-times": times }),
    },
    h("time", { datetime: event.time }, brief(event.time)),
    h("span", { class: "console-event__what" }, look, about && h("span", { class: "console-event__about" }, about)),
  );
}
