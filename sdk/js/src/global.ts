// The script tag: one global, the calls queued before it loaded, and `data-key`, `data-endpoint` and other options.

import { consent, flush, identify, init, on, optIn, optOut, reset, track } from "./index";
import { own } from "./load-script";
import type { Options } from "./types";

const api = { consent, flush, identify, init, on, optIn, optOut, reset, track };

type Call = [name: keyof typeof api, args: unknown[]];
type Stub = { q?: Call[]; init?: unknown };

const page = window as unknown as { SentientIQ?: Stub };
const stub = page.SentientIQ;

// A second copy of the script leaves the first one alone.
if (!stub?.init || stub.q) {
  page.SentientIQ = api;
  // The queue first: it may hold a refusal.
  for (const [name, args] of stub?.q || []) (api[name] as (...args: unknown[]) => void)?.(...args);
  const { key, ...options } = own?.dataset || {};
  if (key && options.endpoint) api.init(key, options as unknown as Options);
}
