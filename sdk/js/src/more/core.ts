// What this file is given by the core, so that nothing is loaded twice.

import type { Parts } from "../parts";

export let emit: Parts[0];
export let now: Parts[1];
export let on: Parts[2];
export let wrap: Parts[3];
export let guard: Parts[4];
export let ignored: Parts[5];
export let masked: Parts[6];
export let bareUrl: Parts[7];
export let isField: Parts[8];
export let target: Parts[9];
export let publish: Parts[10];
export let say: Parts[11];
export let first: Parts[12];
export let place: Parts[13];

export const plug = (parts: Parts) => {
  [emit, now, on, wrap, guard, ignored, masked, bareUrl, isField, target, publish, say, first, place] = parts;
};
