// Everything that is observed, for as long as it is.

import { claim, on, reach } from "../hooks";
import { startMore } from "../more";
import { captureMotion } from "./motion";
import { capturePage } from "./page";
import { capturePresses, forgetPresses } from "./press";

export const startCapture = () => {
  claim();
  // Frames that come, or whose document does; those that are there have been reached.
  on(
    "load",
    ({ target: { contentWindow } }) => contentWindow && reach(contentWindow),
    (view) => view.document,
  );
  forgetPresses();
  // In the order in which they see an event: a press before what it causes.
  capturePage();
  capturePresses();
  captureMotion();
  startMore();
};
