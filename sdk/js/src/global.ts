// The script tag: one global, the calls queued before it loaded, and `data-key`, `data-endpoint` and other options.

import { api } from "./api";
import { own } from "./load-script";
import type { Options } from "./types";

type Call = [name: keyof typeof api, args: unknown[]];
type Stub = { q?: Call[]; init?: unknown };

declare global {
  interface Window {
    SentientIQ?: Stub;
  }
}

const stub = window.SentientIQ;

// A second copy of the script leaves the first one alone.
if (!stub?.init || stub.q) {
  window.SentientIQ = api;
  // The queue first: it may hold a refusal.
  for (const [name, args] of stub?.q || []) (api[name] as (...args: unknown[]) => void)?.(...args);
  const { key, ...options } = own?.dataset || {};
  if (key && options.endpoint) api.init(key, options as unknown as Options);
}
