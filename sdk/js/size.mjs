// Prints what each bundle weighs on the wire: bytes after gzip -9.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

for (const name of ["sentientiq.js", "sentientiq.mjs"]) {
  const file = readFileSync(new URL(`dist/${name}`, import.meta.url));
  console.log(`${name} ${gzipSync(file, { level: 9 }).length} bytes gzip -9 (${file.length} raw)`);
}
