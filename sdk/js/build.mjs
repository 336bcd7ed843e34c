// Builds dist/: the script-tag bundle, the ES module and the type declarations.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

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
  tsconfigRaw: { compilerOptions: { alwaysStrict: false } },
};

/** esbuild bundles; terser's second pass is worth another 5 % of the visitor's download. */
async function bundle(entry, name, format) {
  const { outputFiles } = await build({ ...common, entryPoints: [entry], format, write: false });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2020,
    module: format == "esm",
    toplevel: true,
    compress: { passes: 5, unsafe_arrows: true, keep_fargs: false, pure_getters: true },
  });
  writeFileSync(new URL(`dist/${name}`, import.meta.url), code + "\n");
}

rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });
mkdirSync(new URL("dist", import.meta.url));
await bundle("src/global.ts", "sentientiq.js", "iife");
await bundle("src/index.ts", "sentientiq.mjs", "esm");
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
