// `on`, for the page.

import type { Events, Handler } from "./types";

const handlers = new Set<[name: keyof Events, fn: (event: any) => void]>();

/** Listens; the returned function stops listening. */
export const listen = <K extends keyof Events>(name: K, fn: Handler<K>): () => void => {
  const entry: [K, Handler<K>] = [name, fn];
  handlers.add(entry);
  return () => void handlers.delete(entry);
};

export type Publish = typeof publish;

export const publish = <K extends keyof Events>(name: K, event: Events[K]) => {
  for (const [wanted, fn] of handlers) {
    try {
      if (wanted == name) fn(event);
    } catch (error) {
      // The page's own mistake: shown as such, without stopping us.
      reportError(error);
    }
  }
};
