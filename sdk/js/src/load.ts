// What is not always needed is a file of its own. In the npm package it is an import, which bundlers split;
// the script tag's way is in load-script.ts.

export const loadMore = async () => (await import("./more/index")).createMore;
