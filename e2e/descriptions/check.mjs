// Reads the descriptions with their official parsers. Whatever they find fails, warnings included.
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { Parser } from "@asyncapi/parser";

const file = (name) => new URL(`../../gateway/describe/${name}`, import.meta.url);
let failed = 0;

const { document, diagnostics } = await new Parser().parse(readFileSync(file("asyncapi.yaml"), "utf8"));
// That a later version of the specification exists is news, not a mistake.
for (const d of diagnostics.filter(({ code }) => code !== "asyncapi-latest-version")) {
  console.error(`asyncapi.yaml:${d.range.start.line + 1}: ${d.code}: ${d.message}`);
  failed = 1;
}
const messages = document?.channels().get("stream")?.messages().all().length;
if (messages !== 15) {
  console.error(`asyncapi.yaml: ${messages} messages in the stream, want 15`);
  failed = 1;
}

const lint = spawnSync("node_modules/.bin/redocly", ["lint", file("openapi.yaml").pathname], {
  stdio: "inherit",
  env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
});
if (lint.status !== 0) failed++;

console.log(`${2 - failed} passed, ${failed} failed`);
process.exitCode = failed;
