// Bundles one module of src/ for Node and imports it.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

export async function load(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))],
    bundle: true,
    format: "esm",
    write: false,
    define: { SDK_VERSION: '"test"' },
  });
  return import("data:text/javascript;base64," + Buffer.from(outputFiles[0].contents).toString("base64"));
}
