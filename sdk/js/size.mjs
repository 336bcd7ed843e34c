// Prints what each file weighs on the wire, bytes after gzip -9, and fails over the limits: of the core, which
// every page loads, and of everything that can ever load.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const CORE = 7_000;
const SUM = 10_000;

function weigh(name) {
  const file = readFileSync(new URL(`dist/${name}`, import.meta.url));
  const bytes = gzipSync(file, { level: 9 }).length;
  console.log(`${name} ${bytes} bytes gzip -9 (${file.length} raw)`);
  return bytes;
}

for (const files of [
  ["sentientiq.js", "sentientiq-more.js"],
  ["sentientiq.mjs", "more.mjs"],
]) {
  const [core, ...rest] = files.map(weigh);
  const sum = rest.reduce((all, bytes) => all + bytes, core);
  console.log(`core ${core} of ${CORE}, everything that can ever load ${sum} of ${SUM}`);
  if (core > CORE || sum > SUM) {
    console.error(`${files[0]}: too big`);
    process.exitCode = 1;
  }
}
