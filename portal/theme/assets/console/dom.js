// What the parts of the console are made of. Text only ever becomes a text node: what a sandbox holds cannot become markup.

/** An element: `h("button", { class: "x", onclick: f }, "text", other)`. A property that is null or false is left out. */
export function h(name, given = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined && part !== false));
  return made;
}

/** A sentence of the service, with what is between its backticks as code. */
export const coded = (text) => text.split(/`([^`]+)`/).map((part, at) => (at % 2 ? h("code", {}, part) : part));

/** A name with dots, which may go on in the next line after each of them. */
export const dotted = (name) => name.split(/(?<=\.)/).flatMap((part, at) => (at ? [h("wbr"), part] : [part]));

let number = 0;
/** An id that nothing else on the page has. */
export const unique = (word) => `console-${word}-${++number}`;

/** A field with its label; the field itself is `field.control`. */
export function field(label, control, hint = "") {
  control.id ||= unique("field");
  const note = hint && h("span", { class: "console-hint", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  const made = h("div", { class: "console-field" }, h("label", { for: control.id }, label), control, note || null);
  made.control = control;
  return made;
}

export const select = (options, chosen) =>
  h(
    "select",
    {},
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );

/** A table with its name, which a keyboard can scroll where the screen is narrow. */
export function table(caption, heads, rows) {
  return h(
    "div",
    { class: "portal-table console-table", role: "group", tabindex: "0", "aria-label": `Table: ${caption}` },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((cells) =>
          h(
            "tr",
            {},
            cells.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

/** A text to copy, with its button. */
export function copyable(text, { line = false } = {}) {
  const code = h("code", {}, text);
  const button = h("button", { type: "button", class: "console-small" }, "Copy");
  button.addEventListener("click", async () => {
    await copy(code);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return h(
    "div",
    { class: line ? "console-code console-code--line" : "console-code" },
    h("pre", { tabindex: "0" }, code),
    button,
  );
}

async function copy(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  getSelection().selectAllChildren(code); // an address without TLS has no clipboard, but it can copy what is selected
  document.execCommand("copy");
  getSelection().removeAllRanges();
}

/** Show something above the page. The dialog gives the focus back when it is closed. */
export function show(title, ...inside) {
  const heading = h("h2", { id: unique("dialog") }, title);
  const close = h("button", { type: "button", class: "console-button" }, "Close");
  const dialog = h(
    "dialog",
    { class: "console-dialog", "aria-labelledby": heading.id },
    h("div", { class: "console-row console-row--apart" }, heading, close),
    ...inside,
  );
  close.addEventListener("click", () => dialog.close());
  open(dialog);
}

/** Ask before something is lost; true when the button with `yes` was pressed. */
export function sure(title, text, yes) {
  const heading = h("h2", { id: unique("dialog") }, title);
  const buttons = [
    h("button", { value: "", class: "console-button", autofocus: true }, "Cancel"),
    h("button", { value: "yes", class: "console-button console-button--grave" }, yes),
  ];
  const form = h("form", { method: "dialog", class: "console-row" }, buttons);
  const dialog = h(
    "dialog",
    { class: "console-dialog", "aria-labelledby": heading.id },
    heading,
    h("p", {}, text),
    form,
  );
  const answered = new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes")));
  open(dialog);
  return answered;
}

function open(dialog) {
  document.querySelector("sandbox-console").append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}
