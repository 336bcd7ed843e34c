// What is only needed with a visitor: how the page answers, what is filled in, and help in the page. A file
// of its own, fetched at the visitor's first sign. Until it is there, presses are sent as unobserved.

import type { Parts } from "../parts";
import { captureAnswers } from "./answers";
import { plug } from "./core";
import { forms } from "./forms";
import { help } from "./queue";
import { arm, begin, commit, forget, react } from "./reactions";
import { captureSelections } from "./selection";

export const createMore = (parts: Parts) => {
  plug(parts);
  return {
    /** Begins to observe, or begins again. */
    _start() {
      captureAnswers();
      captureSelections();
    },
    _forget: forget,
    _arm: arm,
    _begin: begin,
    _commit: commit,
    _react: react,
    _forms: forms,
    _help: help,
  };
};

export type More = ReturnType<typeof createMore>;
