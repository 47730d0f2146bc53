// Requests to the API at the address that this page came from, and what each of them is as a curl.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The service said no: its problem (RFC 9457) as a sentence, with the address of the page about it. */
export class Refusal extends Error {
  constructor(problem, call) {
    super(
      [problem.title, problem.detail]
        .filter(Boolean)
        .filter((text, at, all) => all.indexOf(text) === at)
        .join(". "),
    );
    this.problem = problem;
    this.call = call;
  }
}

export class Api extends EventTarget {
  /** `key` is a test key, or "" for who has none yet. */
  constructor(key = "") {
    super();
    this.key = key;
  }

  get = (path, options) => this.send("GET", path, undefined, options);
  post = (path, body = {}, options) => this.send("POST", path, body, options);
  patch = (path, body) => this.send("PATCH", path, body, { headers: { "If-Match": "*" } });
  put = (path, body) => this.send("PUT", path, body);
  delete = (path) => this.send("DELETE", path, undefined, { headers: { "If-Match": "*" } });

  /**
   * The call that was made: `{method, path, curl, status, took, headers, body}`; a body that is not JSON is a Blob.
   * A refusal is thrown; one that `asked` for (a fault, on trial) is answered like anything else.
   */
  async send(method, path, body, { headers = {}, asked = false, as = "" } = {}) {
    const sent = { ...headers };
    if (this.key) sent.Authorization = `Bearer ${this.key}`;
    const plain = body !== undefined && !(body instanceof Blob);
    if (plain) sent["Content-Type"] = "application/json";
    if (body instanceof Blob) sent["Content-Type"] = "application/jsonl";
    const call = { method, path, curl: curl(method, path, sent, body, as), at: new Date() };
    const begun = performance.now();
    try {
      const answer = await fetch(`/v1${path}`, {
        method,
        headers: sent,
        body: plain ? JSON.stringify(body) : body,
        cache: "no-store",
      });
      Object.assign(call, { status: answer.status, headers: answer.headers, body: await read(answer) });
    } catch {
      call.status = 0;
    }
    call.took = Math.round(performance.now() - begun);
    this.dispatchEvent(new CustomEvent("call", { detail: call }));
    if (!asked && (call.status === 0 || call.status >= 400)) throw new Refusal(problem(call), call);
    return call;
  }

  /** The same question page after page, `most` items at the most: `{items, more}`. */
  async pages(path, most = 1_000) {
    const items = [];
    for (let next = path; ;) {
      const { body } = await this.get(next);
      items.push(...body.items);
      if (!body.nextCursor || items.length >= most) return { items, more: Boolean(body.nextCursor) };
      next = `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(body.nextCursor)}`;
    }
  }

  /** Follow the log from now on, or from after `last`, until `signal` is aborted. `told` is given each event and each place. */
  async follow(told, signal, last = "") {
    while (!signal.aborted) {
      const headers = { Authorization: `Bearer ${this.key}`, ...(last && { "Last-Event-ID": last }) };
      const answer = await fetch("/v1/events/stream", { headers, signal, cache: "no-store" }).catch(() => null);
      if (answer?.status === 410 || answer?.status === 400)
        last = ""; // after a reset the log does not know this place
      else if (answer && !answer.ok && answer.status < 429) return;
      const reader = answer?.ok && answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; reader;) {
        const { value, done } = await reader.read().catch(() => ({ done: true }));
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const field = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/)));
          last = field.id ?? last;
          told(field.data && !field.event ? JSON.parse(field.data) : null, last);
        }
      }
      if (signal.aborted) return;
      await new Promise((wake) => setTimeout(wake, 1_000));
    }
  }
}

async function read(answer) {
  const type = answer.headers.get("content-type") ?? "";
  if (/^application\/(problem\+)?json\b/.test(type)) return answer.json();
  return type ? answer.blob() : null;
}

function problem({ status, body }) {
  if (status === 0) return { title: "The service did not answer", detail: "Is it running, and are you online?" };
  if (body && body.title) return body;
  return { title: `The service answered ${status}` };
}

/** The call as somebody would type it. The key stays out of it: `$KEY`. */
function curl(method, path, headers, body, as) {
  const words = ["curl -s"];
  if (method !== "GET") words[0] += ` -X ${method}`;
  const lines = [];
  for (const [name, value] of Object.entries(headers)) {
    lines.push(name === "Authorization" ? '-H "Authorization: Bearer $KEY"' : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body instanceof Blob) lines.push(`--data-binary @${body.name ?? "sandbox.jsonl"}`);
  else if (body !== undefined) lines.push(`-d ${quoted(JSON.stringify(body))}`);
  const url = `${location.origin}/v1${path}`;
  lines.push(/[?&'$]/.test(url) ? quoted(url) : url);
  if (as) lines.push(`> ${as}`);
  return [words[0], ...lines].join(" \\\n  ");
}
