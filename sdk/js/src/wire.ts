// The vocabulary of protocol v1 (docs/contracts.md). Numbers here are the wire's, never renumber.

export const SUBPROTOCOL = "sentientiq.v1";

export const enum Code {
  PageView = 1,
  PointerMove,
  Click,
  Reaction,
  Scroll,
  Hover,
  Focus,
  Blur,
  Input,
  Change,
  Submit,
  Invalid,
  Error,
  Select,
  Copy,
  Drag,
  PressCancel,
  Visibility,
  PointerExit,
  Resize,
  Track,
}

export const enum Nav {
  Load,
  Spa,
  BackForward,
  Reload,
}

export const enum Answer {
  Mutation,
  Navigation,
  Scroll,
  Selection,
  Focus,
  Submit,
  Network,
  Dialog,
  Media,
  State,
}

/** Bit numbers of a target's flags, by name, as `data-siq-flags` spells them. */
export const FLAGS =
  "link button text_field stepper paginator carousel media canvas map game close disabled price cta nav form checkout date_picker tab menu unobserved".split(
    " ",
  );

/** A descriptor and its flag bits. A tuple, so that it is told apart from a `track` event's props. */
export type Target = readonly [descriptor: string, flags: number];

export type Value = number | string | null | undefined | Target | Record<string, unknown>;

export type Ptr = "mouse" | "touch" | "pen";

export const MAX_STRING = 512;
export const MAX_PROPS = 2048;
