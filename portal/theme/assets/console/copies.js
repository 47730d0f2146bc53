// Back to the beginning, a copy beside it, a moment to come back to, a file to take away; and the end.

import { field, h, table } from "./dom.js";
import { Part } from "./part.js";
import { Bench } from "./tab.js";
import { moment } from "./words.js";

const FILE = "application/jsonl";

class Copies extends Part {
  draw() {
    this.snapshots = h("div");
    this.append(this.outcome, this.#reset(), this.#fork(), this.#snapshots(), this.#files(), this.#end());
  }

  #section(title, text, ...inside) {
    return h("section", { class: "console-section" }, h("h3", {}, title), h("p", {}, text), ...inside);
  }

  #reset() {
    const reset = this.button(
      "Reset it",
      "Putting it back…",
      async () => {
        const call = await this.api.post(`${this.bench.path}/resets`);
        return this.#anew(call, "The sandbox is as it was when it was made.");
      },
      {
        ask: [
          "Put everything back?",
          "What happened since it was made is lost. The key goes on working.",
          "Reset the sandbox",
        ],
      },
    );
    return this.#section(
      "Reset",
      "Back to how it was made: the same world, the same ids, the same time on its clock.",
      reset,
    );
  }

  /** Everything that is shown is of another past now. */
  async #anew(call, said) {
    await this.bench.ready();
    await this.console.enter({ said });
    return null;
  }

  #fork() {
    const name = field(
      "Name of the copy",
      h("input", { maxlength: "200", autocomplete: "off", value: `${this.bench.sandbox.name}, another way` }),
    );
    const fork = this.button("Fork it", "Copying it…", async () => {
      const wanted = name.control.value.trim();
      return this.#another(await this.api.post(`${this.bench.path}/forks`, wanted ? { name: wanted } : {}));
    });
    return this.#section(
      "Fork",
      "A second sandbox that begins where this one is now. From then on neither knows of the other.",
      name,
      fork,
    );
  }

  /** A sandbox that was made out of this one: its key is shown once, and this tab keeps it, too. */
  async #another(call) {
    const around = this.console;
    const bench = new Bench({ id: call.body.id, key: this.api.key }); // while it is being copied its own key opens nothing
    if ((await bench.ready()) === "failed") return ["It could not be made.", call];
    around.another(call);
    return ["It is there. Its key is above, and it is among the sandboxes of this tab.", call];
  }

  #snapshots() {
    const name = field(
      "Name",
      h("input", { maxlength: "200", autocomplete: "off", placeholder: "Before the deadline" }),
    );
    const take = this.button("Take a snapshot", "Keeping this moment…", async () => {
      const wanted = name.control.value.trim();
      const call = await this.api.post(`${this.bench.path}/snapshots`, wanted ? { name: wanted } : {});
      await this.bench.ready();
      this.fresh();
      return ["The snapshot is taken.", call];
    });
    return this.#section(
      "Snapshots",
      "A moment of this sandbox to come back to, as often as you like.",
      name,
      take,
      this.snapshots,
    );
  }

  async renew() {
    const { body } = await this.api.get(`${this.bench.path}/snapshots`);
    const rows = body.items.map((one) => [
      one.name,
      moment(one.clock),
      one.state,
      h(
        "span",
        { class: "console-row" },
        ...(one.state === "ready" ? [this.#restore(one), this.#exporter(one)] : []),
        this.#drop(one),
      ),
    ]);
    this.snapshots.replaceChildren(
      rows.length ? table("snapshots", ["Name", "Its clock", "State", "What to do"], rows) : "",
    );
  }

  #restore({ id, name }) {
    return this.button(
      "Restore",
      "Going back…",
      async () =>
        this.#anew(
          await this.api.post(`${this.bench.path}/restorations`, { snapshotId: id }),
          `The sandbox is as it was at “${name}”.`,
        ),
      {
        kind: "small",
        "aria-label": `Restore ${name}`,
        ask: ["Go back to this snapshot?", "What happened since then is lost.", "Restore it"],
      },
    );
  }

  #exporter({ id, name }) {
    const label = { kind: "small", "aria-label": `Export ${name}` };
    return this.button("Export", "Writing the file…", () => this.#export(`?snapshotId=${id}`), label);
  }

  #drop({ id, name }) {
    return this.button(
      "Delete",
      "Deleting it…",
      async () => {
        const call = await this.api.delete(`${this.bench.path}/snapshots/${id}`);
        this.fresh();
        return ["The snapshot is deleted.", call];
      },
      { kind: "small", "aria-label": `Delete ${name}` },
    );
  }

  #files() {
    const file = field("A file that was exported", h("input", { type: "file", accept: ".jsonl,.ndjson" }));
    const save = this.button("Export it", "Writing the file…", () => this.#export());
    const load = this.button("Import it", "Reading the file…", async () => {
      const [chosen] = file.control.files;
      if (!chosen) return ["Choose a file first."];
      return this.#another(
        await this.api.post("/sandboxes/imports", new File([chosen], chosen.name, { type: FILE })),
      );
    });
    return this.#section(
      "Export and import",
      "All that is in it as one file of JSON lines; from such a file a new sandbox is made.",
      h("p", {}, save),
      file,
      load,
    );
  }

  async #export(query = "") {
    const name = `${this.bench.id}.jsonl`;
    const call = await this.api.get(`${this.bench.path}/export${query}`, { as: name });
    const url = URL.createObjectURL(call.body);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    return [`The file is ${name}.`, call];
  }

  #end() {
    const end = this.button(
      "Delete it",
      "Deleting it…",
      async () => {
        await this.api.delete(this.bench.path);
        this.console.gone();
        return null;
      },
      {
        kind: "grave",
        ask: [
          "Delete this sandbox?",
          "Everything in it goes, and its keys end. Nothing brings it back.",
          "Delete the sandbox",
        ],
      },
    );
    return this.#section("Delete", "It ends by itself, too; delete it if nobody needs it any more.", end);
  }
}
customElements.define("sandbox-copies", Copies);
