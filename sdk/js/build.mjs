// Builds dist/: the script-tag bundle, the ES module and the type declarations.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));

const common = {
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  bundle: true,
  minify: true,
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  define: { SDK_VERSION: JSON.stringify(version) },
  // Internal property names start with `_`; nothing on the wire or in the DOM does.
  mangleProps: /^_[a-z]/,
};

rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });
await Promise.all([
  build({ ...common, entryPoints: ["src/global.ts"], outfile: "dist/sentientiq.js", format: "iife" }),
  build({ ...common, entryPoints: ["src/index.ts"], outfile: "dist/sentientiq.mjs", format: "esm" }),
]);
// The public declarations only: what index.ts and types.ts export.
const declarations = new URL("dist/.types/", import.meta.url);
execFileSync(
  process.execPath,
  ["node_modules/typescript/bin/tsc", "--declaration", "--emitDeclarationOnly", "--outDir", fileURLToPath(declarations)],
  { cwd: common.absWorkingDir, stdio: "inherit" },
);
for (const name of ["index.d.ts", "types.d.ts"]) {
  copyFileSync(new URL(name, declarations), new URL(`dist/${name}`, import.meta.url));
}
rmSync(declarations, { recursive: true });
