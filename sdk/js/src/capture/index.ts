// Everything that is observed, for as long as it is.

import { startMore } from "../more";
import { captureMotion } from "./motion";
import { capturePage } from "./page";
import { capturePresses, forgetPresses } from "./press";

export function startCapture() {
  forgetPresses();
  // In the order in which they see an event: a press before what it causes.
  capturePage();
  capturePresses();
  captureMotion();
  startMore();
}
