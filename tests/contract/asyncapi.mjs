// Judges an AsyncAPI document with the parser of its makers: a line for each error and each warning, nothing is praise.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2]);
const { Parser } = require("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[3], "utf8"));
for (const { severity, code, path, message } of diagnostics) {
  if (severity <= 1) console.log(`${code} ${path.join(".")}: ${message}`);
}
if (!document && diagnostics.length === 0) console.log("no document");
