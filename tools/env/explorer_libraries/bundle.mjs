// Makes the libraries of the explorer's page one file, with the licences of all that is in it and its SHA-256.
// Development only, with Node 20 or later, in this folder: npm ci && node bundle.mjs
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const folder = new URL("../../../spark_jobs/image_features/validate/explorer/", import.meta.url);
const made = await build({
  stdin: {
    contents: 'export { Deck, OrthographicView } from "@deck.gl/core"; export { ScatterplotLayer } from "@deck.gl/layers";',
    resolveDir: ".",
  },
  bundle: true, minify: true, write: false, metafile: true,
  format: "iife", globalName: "libraries", legalComments: "none", target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
});
// A browser ends a script at the first "</script", wherever it stands.
const text = made.outputFiles[0].text.replaceAll("</script", "<\\/script");
if (/\beval\(|new Function\(/.test(text)) throw new Error("the libraries make code of text, which the page's policy forbids");

const used = Object.values(made.metafile.outputs)[0].inputs;
const packages = new Set(Object.entries(used).filter(([, input]) => input.bytesInOutput)
  .map(([path]) => path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[0]).filter(Boolean));
const licences = [...packages].sort().map((path) => {
  const { name, version, license } = JSON.parse(readFileSync(`${path}/package.json`));
  const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
  const said = file ? readFileSync(`${path}/${file}`, "utf8").trim() : "Its package has no text of the licence.";
  return `${name} ${version} (${license})\n\n${said.replaceAll(/[ \t]+$/gm, "")}\n`;
});

writeFileSync(new URL("libraries.js", folder), text);
writeFileSync(new URL("libraries.LICENSES.txt", folder), licences.join(`\n${"-".repeat(80)}\n\n`));
writeFileSync(new URL("libraries.js.sha256", folder), `${createHash("sha256").update(text).digest("hex")}  libraries.js\n`);
console.log(`${packages.size} packages, ${text.length.toLocaleString("en")} bytes`);
