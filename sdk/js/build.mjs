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
const split = (script) => ({
  name: "split",
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind }) =>
      kind == "dynamic-import" ? { path: "./more.mjs", external: true } : undefined,
    );
    if (script) onResolve({ filter: /\/load$/ }, () => ({ path: path("src/load-script.ts") }));
  },
});

const common = {
  absWorkingDir: path("."),
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Internal property names start with `_`; nothing on the wire or in the DOM does.
  mangleProps: /^_[a-z]/,
  tsconfigRaw: { compilerOptions: { alwaysStrict: false } },
};

const names = {};

const LETTERS = [..."etnioarscldpumhfgybvwkxqjz"];

/** Of one letter, then of two, the first of them one that arguments have as well: what recurs weighs less in gzip. */
const SHORT = [...LETTERS, ...LETTERS.flatMap((second) => LETTERS.slice(0, 12).map((first) => first + second))].filter(
  (name) => !/^(do|if|in)$/.test(name),
);

/** What a file names most often at its top gets the shortest names; by itself terser gives them to what comes first. */
async function rename(code) {
  const options = { ecma: 2022, compress: false, mangle: { toplevel: true }, format: { ascii_only: true } };
  const found = {};
  await minify(code, { ...options, nameCache: found });
  const uses = {};
  for (const [word] of code.matchAll(/(?<![.\w$])[\w$]+/g)) uses[`$${word}`] = (uses[`$${word}`] || 0) + 1;
  const names = Object.keys(found.vars.props).sort((a, b) => uses[b] - uses[a]);
  const props = Object.fromEntries(names.map((name, n) => [name, SHORT[n]]));
  return (await minify(code, { ...options, nameCache: { vars: { props } } })).code;
}

/** esbuild bundles; what terser makes of it is worth another tenth of the visitor's download. */
async function bundle(entry, name, define = {}) {
  const script = name.endsWith(".js");
  const { outputFiles, mangleCache } = await build({
    ...common,
    entryPoints: [entry],
    define: { SDK_VERSION: JSON.stringify(version), ...define },
    plugins: [split(script)],
    write: false,
    // What the files call by name in each other has one name in all of them.
    mangleCache: names,
  });
  Object.assign(names, mangleCache);
  const compressed = await minify(outputFiles[0].text, {
    ecma: 2022,
    module: !script,
    toplevel: true,
    mangle: false,
    compress: { passes: 5, unsafe_arrows: true, sequences: false, comparisons: false },
  });
  const renamed = await rename(compressed.code);
  // A script's names are its own.
  const code = script ? `(()=>{${renamed}})()` : renamed;
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
