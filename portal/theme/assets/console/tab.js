// What this tab keeps (sessionStorage: gone when the tab is closed), and the sandbox that it works with.

import { Api } from "./api.js";

const KEPT = "engage.sandboxes";
const CURRENT = "engage.sandbox";
const BUSY_LOOK = 400; // milliseconds between two looks at a sandbox that is being made

/** The sandboxes of this tab, `{id, name, key}`. */
export const kept = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
export const current = () => kept().find(({ id }) => id === sessionStorage.getItem(CURRENT)) ?? kept()[0] ?? null;

export function keep({ id, name, key }) {
  sessionStorage.setItem(KEPT, JSON.stringify([...kept().filter((one) => one.id !== id), { id, name, key }]));
  choose(id);
}
export const choose = (id) => sessionStorage.setItem(CURRENT, id);
export const forget = (id) => sessionStorage.setItem(KEPT, JSON.stringify(kept().filter((one) => one.id !== id)));

/**
 * One sandbox on the bench, with its API, its clock and its place in the log. It tells its parts: `clock` (another time or
 * pace), `world` (what is in it may have changed), `happened` (an event of the log, as it comes), `faults` (what goes wrong).
 */
export class Bench extends EventTarget {
  #ended = new AbortController();
  #following = false;
  last = ""; // the newest event that the log told
  rules = []; // the faults that are switched on
  revoked = false; // whether one of them, or one on trial, has revoked the key

  constructor({ id, key }) {
    super();
    this.id = id;
    this.api = new Api(key);
  }

  get path() {
    return `/sandboxes/${this.id}`;
  }
  get signal() {
    return this.#ended.signal;
  }
  end() {
    this.#ended.abort();
  }

  on(type, then) {
    this.addEventListener(type, then, { signal: this.signal });
  }
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** The sandbox as it is now, and its clock. */
  async look() {
    this.sandbox = (await this.api.get(this.path)).body;
    await this.readClock();
  }

  async readClock() {
    this.setClock((await this.api.get(`${this.path}/clock`)).body);
  }
  setClock(clock) {
    this.clock = { ...clock, pace: Number(clock.pace ?? 1), read: performance.now() };
    this.tell("clock");
  }
  get frozen() {
    return this.clock.mode === "frozen";
  }
  /** What the sandbox's clock says now, in milliseconds. */
  now() {
    const { now, pace, read } = this.clock;
    return Date.parse(now) + (this.frozen ? 0 : (performance.now() - read) * pace);
  }

  setFaults(rules, revoked) {
    Object.assign(this, { rules, revoked });
    this.tell("faults");
  }
  async clearFaults() {
    const call = await this.api.delete(`${this.path}/faults`);
    this.setFaults([], false);
    this.follow();
    this.tell("world"); // it may not have been seen as it is
    return call;
  }

  /** Wait until it is ready, saying how far it is. */
  async ready(told = () => {}) {
    for (;;) {
      await this.look();
      if (this.sandbox.state === "ready" || this.sandbox.state === "failed" || this.signal.aborted)
        return this.sandbox.state;
      told(this.sandbox);
      await new Promise((wake) => setTimeout(wake, BUSY_LOOK));
    }
  }

  /** The newest event of the log; the stream knows it, unless there are too many streams. */
  async place() {
    return this.last || (await this.api.get(`${this.path}/log-hash`)).body.lastEventId;
  }

  /** What happened after an event of the log, oldest first: `{events, more}`. */
  async since(last) {
    const after = last ? `after=${last}&` : "";
    const { items, more } = await this.api.pages(`/events?${after}limit=200&wait=1`);
    return { events: items, more };
  }

  /** Follow the log. It ends when the key opens nothing any more; then it can begin again where it was. */
  async follow() {
    if (this.#following) return;
    this.#following = true;
    const told = (event, last) => {
      this.last = last;
      if (event) this.tell("happened", event);
    };
    await this.api.follow(told, this.signal, this.last);
    this.#following = false;
  }
}
