// The script tag: one global, the calls queued before it loaded, and `data-key` / `data-endpoint`.

import { consent, flush, identify, init, on, optIn, optOut, reset, track } from "./index";

const api = { consent, flush, identify, init, on, optIn, optOut, reset, track };

type Call = [name: keyof typeof api, args: unknown[]];
type Stub = { q?: Call[]; init?: unknown };

const page = window as unknown as { SentientIQ?: Stub };
const stub = page.SentientIQ;

// A second copy of the script leaves the first one alone.
if (!stub?.init || stub.q) {
  page.SentientIQ = api;
  const { key, endpoint, httpEndpoint } = (document.currentScript as HTMLScriptElement)?.dataset || {};
  // The queue first: it may hold a refusal.
  for (const [name, args] of stub?.q || []) (api[name] as (...args: unknown[]) => void)?.(...args);
  if (key && endpoint) api.init(key, { endpoint, httpEndpoint });
}
