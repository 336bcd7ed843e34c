// Builds dist/: the script-tag bundle, the ES module, what each loads when it needs it, and the type declarations.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What is not always needed stays out of the bundle: an import of its file, or the script tag's own way to it. */
const split = {
  name: "split",
  setup({ initialOptions: { format }, onResolve }) {
    onResolve({ filter: /./ }, ({ kind }) =>
      kind == "dynamic-import" ? { path: "./more.mjs", external: true } : undefined,
    );
    if (format == "iife") onResolve({ filter: /\/load$/ }, () => ({ path: path("src/load-script.ts") }));
  },
};

const common = {
  absWorkingDir: path("."),
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Internal property names start with `_`; nothing on the wire or in the DOM does.
  mangleProps: /^_[a-z]/,
  tsconfigRaw: { compilerOptions: { alwaysStrict: false } },
  plugins: [split],
};

const names = {};

/** esbuild bundles; terser's second pass is worth another 5 % of the visitor's download. */
async function bundle(entry, name, define = {}) {
  const format = name.endsWith(".mjs") ? "esm" : "iife";
  const all = { SDK_VERSION: JSON.stringify(version), SCRIPT: `${format == "iife"}`, ...define };
  const { outputFiles, mangleCache } = await build({
    ...common,
    entryPoints: [entry],
    format,
    define: all,
    write: false,
    // What the files call by name in each other has one name in all of them.
    mangleCache: names,
  });
  Object.assign(names, mangleCache);
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2022,
    module: format == "esm",
    toplevel: true,
    compress: { passes: 5, unsafe_arrows: true, keep_fargs: false, pure_getters: true, hoist_funs: true },
  });
  writeFileSync(path(`dist/${name}`), code);
  return `sha256-${createHash("sha256").update(code).digest("base64")}`;
}

rmSync(path("dist"), { recursive: true, force: true });
mkdirSync(path("dist"));
// The core last: it knows the hash of what it may load, and runs nothing else in its place.
const MORE = JSON.stringify(await bundle("src/more-script.ts", "sentientiq-more.js"));
await bundle("src/global.ts", "sentientiq.js", { MORE });
await bundle("src/more/index.ts", "more.mjs");
await bundle("src/index.ts", "sentientiq.mjs");
// The public declarations only: what index.ts and types.ts export.
const declarations = path("dist/.types/");
execFileSync(
  process.execPath,
  ["node_modules/typescript/bin/tsc", "--declaration", "--emitDeclarationOnly", "--outDir", declarations],
  { cwd: common.absWorkingDir, stdio: "inherit" },
);
for (const name of ["index.d.ts", "types.d.ts"]) copyFileSync(declarations + name, path(`dist/${name}`));
rmSync(declarations, { recursive: true });
