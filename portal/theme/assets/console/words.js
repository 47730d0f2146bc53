// Times, spans and events in words. A sandbox has a clock of its own, so all times are told in UTC, as the API does.

const at = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const DAY = at({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const SHORT_DAY = at({ day: "numeric", month: "short" });
const TIME = at({ hour: "2-digit", minute: "2-digit" });
const SECONDS = at({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export const day = (time) => DAY.format(new Date(time));
export const clock = (time) => SECONDS.format(new Date(time));
export const moment = (time) => `${DAY.format(new Date(time))}, ${TIME.format(new Date(time))} UTC`;
export const exact = (time) => `${SHORT_DAY.format(new Date(time))}, ${SECONDS.format(new Date(time))}`;
export const brief = (time) => `${SHORT_DAY.format(new Date(time))}, ${TIME.format(new Date(time))}`;

const date = (time) => Math.floor(new Date(time) / (1000 * UNITS[0][1]));

/** "in 3 days", "2 hours ago": how far a time is from another, in the largest unit that fits. Days are those of a calendar. */
export function from(time, now) {
  const seconds = (new Date(time) - new Date(now)) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS[3];
  return AGO.format(unit === "day" ? date(time) - date(now) : Math.trunc(seconds / size), unit);
}

/** How long a duration of ISO 8601 is, in milliseconds. */
export function span(duration) {
  const [, days, hours, minutes, seconds] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(duration) ?? [];
  return 1_000 * ((days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + Number(seconds ?? 0));
}

export const count = (many, one, more = `${one}s`) => `${many.toLocaleString("en")} ${many === 1 ? one : more}`;

const words = (name) => name.replaceAll("-", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What happened: `engage.task.overdue.v1` of "Check the drawings" is ["Task overdue", "Check the drawings"]. */
export function told(event) {
  const [, resource, what] = event.type.split(".");
  const data = event.data ?? {};
  const about = data.title ?? data.displayName ?? data.name ?? data.scenario ?? data.url ?? event.subject ?? "";
  return [event.type.startsWith("engage.") ? capital(`${words(resource)} ${words(what)}`) : event.type, String(about)];
}

/** Whether time itself did it: what a deadline, a validity or an expiry brought about. */
export const late = (event) => /\.(overdue|expired|broken|at-risk)\./.test(event.type);

/** What happened in one sentence: "3 tasks overdue, 1 offer expired, 2 signals contact complained". */
export function summary(events) {
  const counted = new Map();
  for (const event of events) {
    if (event.type.startsWith("engage.scenario-run.updated.")) continue; // what its steps did is told
    const own = event.type.startsWith("engage.");
    const [resource, what] = event.type.replace(/\.v\d+$/, "").split(".").slice(-2);
    const key = own ? `${resource}.${what}` : `signal.${resource} ${what}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  if (!counted.size) return "a story went on";
  return [...counted]
    .map(([key, many]) => {
      const [resource, what] = key.split(".");
      return `${count(many, words(resource))} ${words(what)}`;
    })
    .join(", ");
}
