// The file for pages with the script tag: hands its function to whoever has loaded it.

import { createMore } from "./more/index";

(document.currentScript as any).siq = createMore;
