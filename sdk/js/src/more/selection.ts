// What is selected and copied: how much, never what.

import { Answer, Code } from "../wire";
import { emit, ignored, on } from "./core";
import { react } from "./reactions";

const SELECT_MS = 300;

export const captureSelections = () => {
  let selecting: any;

  on("selectionchange", (e) => {
    const selection: Selection = e.currentTarget.getSelection();
    if (!selection.isCollapsed) react(Answer.Selection);
    clearTimeout(selecting);
    selecting = setTimeout(() => {
      if (!selection.isCollapsed && !ignored(selection.anchorNode!.parentElement!))
        emit(Code.Select, [selection.toString().length]);
    }, SELECT_MS);
  });

  on("copy", (e) => ignored(e.target) || emit(Code.Copy, []));
};
