// Storage that may be missing, full or forbidden.

import { guard } from "./hooks";

/** What is kept in this browser, by name. */
export const kept = (): Record<string, string> => {
  try {
    return localStorage || {};
  } catch {
    return {};
  }
};

/** Keeps a value; nothing removes it. */
export const keep = guard((name: string, value?: string | 0) => {
  if (value) kept()[name] = value;
  else delete kept()[name];
});

export const keptUnder = (prefix: string) => Object.keys(kept()).filter((name) => name.startsWith(prefix));
