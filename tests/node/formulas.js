// Which formulas KaTeX refuses, in its strictest mode: a list of them on standard input, the refused ones with KaTeX's
// words on standard output.
const katex = require("katex");

const refused = [];
for (const tex of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  try {
    katex.renderToString(tex, { displayMode: true, throwOnError: true, strict: "error" });
  } catch (error) {
    refused.push([tex, error.message]);
  }
}
process.stdout.write(JSON.stringify(refused));
