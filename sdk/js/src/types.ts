// The public types: everything a customer's editor completes.

export interface Consent {
  /** Behaviour may be observed. Without it nothing starts: no listener, no storage, no socket. */
  analytics: boolean;
  /** Help may be shown in the page. */
  interventions: boolean;
}

export interface Options {
  /** WebSocket address of the edge, e.g. `wss://edge.example.com`. */
  endpoint: string;
  /** Where `/v1/batch` is served. Default: port 8081 of the same host for `…:8080`, else the same origin. */
  httpEndpoint?: string;
  /** Default: both granted. */
  consent?: Partial<Consent>;
  /** CSS selector of elements that are never observed, besides `[data-siq-ignore]`. */
  ignore?: string;
  /** CSS selector of elements whose names are never sent, besides `[data-siq-mask]`. */
  mask?: string;
  /** Names of the parameters that a page's address keeps where it is sent. Default: none. */
  query?: string[];
  /** Honour Global Privacy Control and Do Not Track. Default: true. */
  respectGpc?: boolean;
}

export interface Identity {
  userId?: string;
  email?: string;
  traits?: Record<string, unknown>;
  /** Signed by your server; without it the identity counts as claimed, not verified. */
  token?: string;
}

export interface Emotion {
  id: string;
  rev: number;
  emotion: "rage" | "hesitation" | "confusion" | "abandonment";
  confidence: number;
  trigger: string;
  page?: string;
  element?: string;
  t: number;
}

export interface Action {
  id: string;
  label: string;
  url?: string;
}

export type OutcomeKind = "shown" | "clicked" | "dismissed" | "failed";

export interface Intervention {
  id: string;
  intervention: "chat" | "discount" | "support" | "escalation";
  priority: "low" | "medium" | "high" | "critical";
  template: string;
  variant: string;
  decision: string;
  /** Server epoch ms. */
  expires_at: number;
  payload: { title: string; body: string; actions?: Action[] };
}

export interface InterventionEvent extends Intervention {
  /** Render it yourself; then call `report` for what becomes of it. */
  preventDefault(): void;
  report(kind: OutcomeKind, action?: string): void;
}

export interface Failure {
  code: string;
  message: string;
}

export interface Events {
  /** The edge has accepted this page. `resumed` when it is not the first time. */
  ready: { session: string; resumed: boolean };
  emotion: Emotion;
  intervention: InterventionEvent;
  /** The visitor chose one of a card's actions. */
  action: { intervention: Intervention; action: Action };
  error: Failure;
  status: "connecting" | "open" | "closed" | "stopped";
}

export type Handler<K extends keyof Events> = (event: Events[K]) => void;
