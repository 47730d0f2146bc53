// Judges AsyncAPI documents with the parser of their makers. Prints a list for each, of its errors and warnings.
// Arguments: the package.json beside the parser, the documents.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [beside, ...contracts] = process.argv.slice(2);
const { Parser } = createRequire(beside)("@asyncapi/parser");

const found = [];
for (const contract of contracts) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(contract, "utf8"));
  const told = diagnostics.filter(({ severity }) => severity <= 1);
  found.push(told.map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`));
  if (!document && diagnostics.length === 0) found.at(-1).push("no document");
}
console.log(JSON.stringify(found));
